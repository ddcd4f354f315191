/**
 * What the archive does by itself, beside waiting to be called: it follows another archive, and is
 * in the rooms of signallers.
 */
import { gateOfProcess, rtcDialer, webSocketDial } from '@holdfast/peer'
import { webSocketArchiveDial } from '@holdfast/peer/archive-link'
import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { Follower, type FollowedCollection } from '../follow/follower.js'
import { listCollections } from '../follow/list-collections.adapter.js'
import { openRecordsFile } from '../follow/records-file.adapter.js'
import type { Log } from '../log/port.js'
import type { ArchiveNode } from '../node/archive-node.js'
import { Rooms, type RoomsStatistics } from '../rooms/rooms.js'
import { loadRtc } from '../rooms/wrtc.adapter.js'
import { fromOptions, type ArchiveOptions } from './options.js'

export interface OutreachParts {
  readonly log: Log
  readonly node: ArchiveNode
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export class Outreach {
  readonly #follower: Follower | undefined
  readonly #rooms: Rooms | undefined

  private constructor(follower: Follower | undefined, rooms: Rooms | undefined) {
    this.#follower = follower
    this.#rooms = rooms
  }

  /** Throws an ArchiveError where an option cannot hold; what does not answer is tried again. */
  static async start(options: ArchiveOptions, parts: OutreachParts): Promise<Outreach> {
    const follower = followerOf(options, parts)
    const rooms = await roomsOf(options, parts)
    await follower?.start()
    rooms?.start()
    return new Outreach(follower, rooms)
  }

  /** Undefined: there are no signallers, or no WebRTC. */
  get rooms(): RoomsStatistics | undefined {
    return this.#rooms?.stats()
  }

  get followed(): readonly FollowedCollection[] {
    return this.#follower?.collections ?? []
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#rooms?.close()
    await this.#follower?.close()
  }
}

async function roomsOf(
  { signal, collections = [] }: ArchiveOptions,
  { log, node, clock, random, logger }: OutreachParts,
): Promise<Rooms | undefined> {
  if (signal === undefined || signal.urls.length === 0) return undefined
  const rtc = signal.rtc ?? (await loadRtc())
  if (rtc === undefined) {
    logger.error(
      'no WebRTC: @roamhq/wrtc is not installed; peers reach this archive by WebSocket alone',
    )
    return undefined
  }
  return new Rooms({
    log,
    node,
    signallers: signal.urls.map((url) => ({
      url,
      dial: fromOptions(() => webSocketDial(WebSocket, url)),
      token: signal.token,
    })),
    dialer: rtcDialer({ rtc }),
    gate: gateOfProcess(rtc),
    collections,
    clock,
    random,
    logger,
  })
}

function followerOf(
  { folder, follow, collections = [] }: ArchiveOptions,
  { log, node, clock, random, logger }: OutreachParts,
): Follower | undefined {
  if (follow === undefined) return undefined
  const { url, token } = follow
  return new Follower({
    log,
    digests: node.digests,
    records: openRecordsFile({ file: join(folder, 'followed.json'), clock, logger }),
    instance: node.instance,
    dial: fromOptions(() => webSocketArchiveDial(WebSocket, url)),
    token,
    collections,
    list: (stop) => listCollections(url, token, stop),
    clock,
    random,
    logger,
  })
}
