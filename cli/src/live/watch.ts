import { inspectionText } from '@holdfast/archive/command'
import {
  agoText,
  bytesText,
  countText,
  numberText,
  type CommandContext,
  type ExitCode,
} from '@holdfast/command'
import type { Clock } from '@holdfast/peer/ports'
import { HoldfastError } from '../errors.js'
import type { AdminClient, Sighting } from './admin-client.js'

export interface WatchOptions {
  readonly everyMs: number
  readonly isOnce: boolean
  readonly isJson: boolean
  readonly context: Pick<CommandContext, 'terminal' | 'clock' | 'signal'>
}

/**
 * Shows what a server says, again and again until somebody has seen enough: on a screen in place, else
 * a line each time. If it does not answer the first time, that is the end; later it is said and asked
 * again, because servers come back.
 */
export async function watch(
  client: AdminClient,
  { everyMs, isOnce, isJson, context }: WatchOptions,
): Promise<ExitCode> {
  const { terminal, clock, signal } = context
  let before: Look | undefined
  for (;;) {
    const look: Look | undefined = await lookAt(client, clock, signal, before !== undefined)
    if (signal.aborted) return 0
    if (isJson && look !== undefined) {
      terminal.write(`${JSON.stringify(look.seen, undefined, 2)}\n`)
    } else if (isOnce || terminal.isScreen) {
      const text = look === undefined ? lost(client, before, clock) : picture(client, look, before)
      terminal.write(isOnce ? text : onScreen(text, terminal))
    } else {
      terminal.write(look === undefined ? lost(client, before, clock) : line(look, before))
    }
    if (isOnce) return 0
    before = look ?? before
    await pause(clock, everyMs, signal)
    if (signal.aborted) return 0
  }
}

interface Look {
  readonly seen: Sighting
  readonly atMs: number
  /** Of the monotonic clock. */
  readonly tick: number
}

async function lookAt(
  client: AdminClient,
  clock: Clock,
  signal: AbortSignal,
  mayBeLost: boolean,
): Promise<Look | undefined> {
  try {
    const seen = await client.look(signal)
    return { seen, atMs: clock.now(), tick: clock.monotonic() }
  } catch (error) {
    if (signal.aborted) return undefined
    if (mayBeLost && error instanceof HoldfastError && error.code === 'no-answer') return undefined
    throw error
  }
}

function picture(client: AdminClient, look: Look, before: Look | undefined): string {
  const { log, archive } = look.seen
  const { statistics, node, yWebsocket } = archive
  return [
    `${client.url.origin}  ${timeText(look.atMs)}`,
    `ops ${rateText(look, before)}, ${numberText(statistics.appended)} since it started; last commit held ${numberText(statistics.lastGroupOps)}`,
    `${countText(node.sessions, 'peer')}, ${countText(node.readers, 'reader')}, ${numberText(node.readersAtHead)} at the head, the farthest ${numberText(node.largestLag)} behind; ${countText(yWebsocket.sockets, 'y-websocket client')}`,
    `${countText(statistics.rows, 'row')} in ${bytesText(statistics.rowBytes)}, ${countText(statistics.snapshots, 'snapshot')} in ${bytesText(statistics.snapshotBytes)}, ${countText(statistics.published, 'compaction')}${statistics.failedCompactions > 0 ? `, ${numberText(statistics.failedCompactions)} failed` : ''}`,
    ...outreachLines(look.seen.archive),
    '',
    inspectionText(log, look.atMs),
  ].join('\n')
}

/** What it does beside being called, where it does. */
function outreachLines({ followed = [], rooms }: Sighting['archive']): string[] {
  const live = followed.filter(({ phase }) => phase === 'live').length
  const lag = followed.reduce((sum, { head = 0, seq }) => sum + Math.max(0, head - seq), 0)
  return [
    ...(followed.length === 0
      ? []
      : [
          `follows ${countText(followed.length, 'collection')}, ${numberText(live)} live, ${countText(lag, 'entry', 'entries')} behind`,
        ]),
    ...(rooms === undefined
      ? []
      : [
          `in ${numberText(rooms.joined)} of ${countText(rooms.rooms, 'room')} of ${countText(rooms.signallers, 'signaller')}, with ${countText(rooms.links, 'link')}`,
        ]),
  ]
}

function line(look: Look, before: Look | undefined): string {
  const { statistics, node, yWebsocket } = look.seen.archive
  return (
    `${timeText(look.atMs)}  ${rateText(look, before)}  ${countText(statistics.collections, 'collection')}  ` +
    `${countText(statistics.documents, 'document')}  ${countText(statistics.rows, 'row')} in ${bytesText(statistics.rowBytes)}  ` +
    `${countText(node.readers, 'reader')}, ${numberText(node.largestLag)} behind  ` +
    `${countText(yWebsocket.sockets, 'y-websocket client')}\n`
  )
}

function lost(client: AdminClient, before: Look | undefined, clock: Clock): string {
  const seen = before === undefined ? '' : `, last seen ${agoText(before.atMs, clock.now())}`
  return `${timeText(clock.now())}  ${client.url.origin} does not answer${seen}\n`
}

/** Since the look before; a server that began anew begins at 0. */
function rateText(look: Look, before: Look | undefined): string {
  if (before === undefined) return '– /s'
  const seconds = (look.tick - before.tick) / 1000
  const ops = look.seen.archive.statistics.appended - before.seen.archive.statistics.appended
  return seconds > 0 && ops >= 0 ? `${(ops / seconds).toFixed(1)} /s` : '– /s'
}

/** From the top left on, no wider and no higher than the window. */
function onScreen(text: string, { columns, rows }: CommandContext['terminal']): string {
  const lines = text.trimEnd().split('\n')
  const shown = lines.length < rows ? lines : [...lines.slice(0, rows - 2), '…']
  return `\u001B[H\u001B[J${shown.map((one) => one.slice(0, columns - 1)).join('\n')}\n`
}

function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 19)
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const undo = clock.after(ms, done)
    signal.addEventListener('abort', done, { once: true })
    function done(): void {
      undo()
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
