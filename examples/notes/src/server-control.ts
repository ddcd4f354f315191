export interface ArchiveControl {
  /** When the page asked. */
  readonly isRunning: boolean
  setRunning(isRunning: boolean): Promise<void>
}

/** `holdfast up` lets this page stop its archive. Other servers do not: undefined. */
export async function archiveControl(): Promise<ArchiveControl | undefined> {
  const url = new URL('./demo/archive', document.baseURI)
  try {
    const answer = await fetch(url)
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
    if (!answer.ok || !isJson) return undefined
    const { isRunning } = (await answer.json()) as { readonly isRunning?: unknown }
    return { isRunning: isRunning !== false, setRunning: (wanted) => post(url, wanted) }
  } catch {
    // Nobody is there: then there is nothing to stop.
    return undefined
  }
}

async function post(url: URL, isRunning: boolean): Promise<void> {
  const { ok, status } = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ isRunning }),
  })
  if (!ok) throw new Error(`the server answers ${status}`)
}
