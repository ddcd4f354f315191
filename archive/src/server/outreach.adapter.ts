/**
 * What the archive does by itself, beside waiting to be called: it follows another archive, and is
 * in the rooms of signallers.
 */
import { webSocketArchiveDial } from '@holdfast/peer/archive-link'
import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { Follower, type FollowedCollection } from '../follow/follower.js'
import { listCollections } from '../follow/list-collections.adapter.js'
import { openRecordsFile } from '../follow/records-file.adapter.js'
import type { Log } from '../log/port.js'
import type { ArchiveNode } from '../node/archive-node.js'
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

  private constructor(follower: Follower | undefined) {
    this.#follower = follower
  }

  /** Throws an ArchiveError where an option cannot hold; what does not answer is tried again. */
  static async start(options: ArchiveOptions, parts: OutreachParts): Promise<Outreach> {
    const follower = followerOf(options, parts)
    await follower?.start()
    return new Outreach(follower)
  }

  get followed(): readonly FollowedCollection[] {
    return this.#follower?.collections ?? []
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#follower?.close()
  }
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
    list: () => listCollections(url, token),
    clock,
    random,
    logger,
  })
}
