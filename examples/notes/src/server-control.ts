import type { Compaction } from './mesh/model.js'

export interface ArchiveControl {
  /** When the page asked. */
  readonly isRunning: boolean
  /** The last one, if there was any. */
  readonly compaction: Compaction | undefined
  setRunning(isRunning: boolean): Promise<void>
}

/** `holdfast up` lets this page stop its archive. Other servers do not: undefined. */
export async function archiveControl(): Promise<ArchiveControl | undefined> {
  const url = new URL('./demo/archive', document.baseURI)
  try {
    const answer = await fetch(url)
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
    if (!answer.ok || !isJson) return undefined
    const { isRunning, compacted } = (await answer.json()) as Told
    return {
      isRunning: isRunning !== false,
      compaction: compacted,
      setRunning: (wanted) => post(url, wanted),
    }
  } catch {
    // Nobody is there: then there is nothing to stop.
    return undefined
  }
}

interface Told {
  readonly isRunning?: unknown
  readonly compacted?: Compaction
}

async function post(url: URL, isRunning: boolean): Promise<void> {
  const { ok, status } = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ isRunning }),
  })
  if (!ok) throw new Error(`the server answers ${status}`)
}
