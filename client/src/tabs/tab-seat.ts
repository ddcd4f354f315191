/*
 * What one tab does for its client: it follows the tab that owns the store, or owns it itself.
 *
 *            who? ── `owner` ──► follower ◄──────────────────────────────────┐
 *   begin ──┤                        │ the lock is granted, or stolen from    │ the lock or the store is
 *            └── the lock ───────────┤ whoever sleeps on it                   │ taken, the page is frozen
 *                                    ▼                                        │ or left, somebody is newer
 *                                 settling ──store, core, exchange──► owner ──┘
 *                                    └──throws: the lock goes on to the next one
 *
 * The lock says whose turn it is, and no more: what keeps a sleeper from writing is the number of the
 * owner in the store itself. Leadership is announced when all is set up, and the lock is let go of in
 * one place, whatever happens.
 */
import type { Undo } from '@holdfast/peer/ports'
import { hexOf, idBytes, type InstanceId } from '@holdfast/peer/protocol'
import type { StorageStatus } from '../api.js'
import type { ClientStore, Core, CoreHost, CoreSeat } from '../core/core.js'
import { OwnerCore } from '../core/owner-core.js'
import { ClientError } from '../errors.js'
import type { Driver } from '../store/driver.js'
import { FollowerCore } from './follower-core.js'
import { tabsBounds as bounds } from './limits.js'
import { OwnerLine, type Welcome } from './owner-line.js'
import type { HeldLock, TabChannel, TabLife, TabsPort } from './port.js'
import { TabHost } from './tab-host.js'
import { TabLock } from './tab-lock.js'
import { parsePosted, tabsVersion, type Call, type LineWord, type Posted } from './words.js'

export interface TabsStoreOptions {
  readonly port: TabsPort
  /** Takes the store from whoever had it open before. */
  readonly openDriver: () => Promise<Driver>
  /** Of the words between tabs; for tests of what happens when they differ. */
  readonly version?: number
}

/** A store that all tabs of an app share: one has it open, the others go through that one. */
export function tabsStore(options: TabsStoreOptions): ClientStore {
  return {
    begin: (host) => TabSeat.begin(host, options),
  }
}

/** Why an owner owns the store no more. */
type StepDown = 'lost' | 'taken' | 'left' | 'yield' | 'end'

class TabSeat implements CoreSeat {
  readonly #host: CoreHost
  readonly #options: Required<TabsStoreOptions>
  readonly #address: string
  readonly #channel: TabChannel
  readonly #first: Promise<Core>
  readonly #undoLife: Undo
  readonly #lock: TabLock
  #line: OwnerLine
  #follower: FollowerCore | undefined
  #tabs: TabHost | undefined
  #held: HeldLock | undefined
  #core: Core | undefined
  #begun: (core: Core) => void = () => {}
  #failedToBegin: (error: unknown) => void = () => {}
  #stepDown: (why: StepDown) => void = () => {}
  #stranded: ClientError | undefined
  #isEnded = false
  #pausing: Undo | undefined
  #endPause = (): void => {}

  static async begin(host: CoreHost, options: TabsStoreOptions): Promise<CoreSeat> {
    const seat = new TabSeat(host, options)
    seat.#line.start()
    void seat.#live()
    try {
      await seat.#first
      return seat
    } catch (error) {
      await seat.end()
      throw error
    }
  }

  private constructor(host: CoreHost, options: TabsStoreOptions) {
    this.#host = host
    this.#options = { version: tabsVersion, ...options }
    this.#address = hexOf(host.random.bytes(idBytes))
    this.#first = new Promise((resolve, reject) => {
      this.#begun = (core) => {
        this.#core = core
        resolve(core)
      }
      this.#failedToBegin = reject
    })
    this.#lock = new TabLock(options.port, host.logger)
    this.#line = this.#newLine()
    this.#channel = options.port.openChannel((message) => this.#guarded(() => this.#hear(message)))
    this.#undoLife = options.port.onLife((life) => this.#lives(life))
  }

  get core(): Core {
    if (this.#core === undefined) throw new ClientError('internal', 'there is no core yet')
    return this.#core
  }

  /** The client and its core are closed already. */
  end(): Promise<void> {
    if (this.#isEnded) return Promise.resolve()
    this.#isEnded = true
    this.#call('leaving')
    this.#undoLife()
    this.#lock.giveUp()
    this.#stepDown('end')
    this.#pausing?.()
    this.#endPause()
    this.#line.close()
    this.#channel.close()
    return Promise.resolve()
  }

  // The lock ---------------------------------------------------------------------------------------

  async #live(): Promise<void> {
    for (let failures = 0; !this.#isOver;) {
      const held = await this.#lock.wait()
      if (held === undefined) return
      try {
        this.#held = held
        await this.#own(held)
        failures = 0
      } catch (error) {
        failures++
        this.#failed(error)
      } finally {
        this.#held = undefined
        held.release()
      }
      // Somebody else was faster, and was heard meanwhile.
      if (this.#line.owner !== undefined) this.#followFirst(this.#line.owner)
      if (failures > 0 && !this.#isOver) {
        // Another tab may manage, and has its turn first.
        await this.#pause(Math.min(bounds.retryMinMs * 2 ** (failures - 1), bounds.retryMaxMs))
      }
    }
  }

  get #isOver(): boolean {
    return this.#isEnded || this.#stranded !== undefined
  }

  /** Nobody has answered: whoever has the lock sleeps on it. */
  #steal(): void {
    if (!this.#isOver && this.#held === undefined) this.#lock.steal()
  }

  async #own(held: HeldLock): Promise<void> {
    const over = new Promise<StepDown>((resolve) => (this.#stepDown = resolve))
    void held.lost.then(() => this.#stepDown('lost'))
    this.#call('settling')
    const core = await this.#setUp()
    core.onStorage(({ failing }) => {
      if (failing?.code === 'store-taken') this.#stepDown('taken')
    })
    if (this.#core === undefined) {
      this.#line.close()
      this.#begun(core)
    } else {
      this.#follower?.offer(core)
      this.#core = core
      // What is open moves over; the core before is closed then, and its line.
      await this.#host.exchange(core)
    }
    this.#follower = undefined
    const { clock, logger } = this.#host
    this.#tabs = new TabHost({ core, clock, logger, post: (to, line) => this.#post({ to, line }) })
    if (!this.#isEnded) this.#call('owner')
    const why = await over
    await this.#leave(core, why)
  }

  async #leave(core: OwnerCore, why: StepDown): Promise<void> {
    const tabs = this.#tabs
    this.#tabs = undefined
    if (why !== 'lost') this.#call('leaving')
    // Whatever they wait for here, the next owner is asked for it.
    void tabs?.close()
    if (this.#isEnded) return
    const { replica, storage } = core
    this.#line = this.#newLine()
    const follower = this.#newFollower(replica, storage)
    if (this.#stranded === undefined) this.#line.start()
    else follower.strand(this.#stranded)
    this.#core = follower
    await this.#host.exchange(follower)
  }

  /** In time, or not at all: meanwhile nobody else can. */
  async #setUp(): Promise<OwnerCore> {
    const { clock } = this.#host
    let isLate = false
    let stop = nothing
    const late = new Promise<never>((_, reject) => {
      stop = clock.after(bounds.settleWithinMs, () => {
        isLate = true
        reject(new ClientError('storage-failed', 'the store does not open'))
      })
    })
    const opening = this.#open()
    // Should it be ready after all, somebody else has the store by then.
    opening.then(
      (core) => (isLate ? void core.close() : undefined),
      () => {},
    )
    try {
      return await Promise.race([opening, late])
    } finally {
      stop()
    }
  }

  async #open(): Promise<OwnerCore> {
    const driver = await this.#options.openDriver()
    try {
      const core = await this.#host.createOwner(driver)
      if (core instanceof OwnerCore) return core
      throw new ClientError('internal', 'the owner of a store is of another kind')
    } catch (error) {
      await driver.close()
      throw error
    }
  }

  #failed(error: unknown): void {
    const failure =
      error instanceof ClientError
        ? error
        : new ClientError('storage-failed', 'the store cannot be opened', { cause: error })
    // Whoever has taken the store will be heard.
    if (this.#core === undefined && failure.code === 'store-taken') return
    if (this.#core === undefined) this.#failedToBegin(failure)
    else if (!this.#isOver) this.#host.report(failure)
  }

  async #pause(forMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#endPause = resolve
      this.#pausing = this.#host.clock.after(forMs, resolve)
    })
  }

  // Following --------------------------------------------------------------------------------------

  #newLine(): OwnerLine {
    const { clock, random } = this.#host
    const instance = hexOf(random.bytes(idBytes)) as InstanceId
    const line = new OwnerLine({
      instance,
      clock,
      random,
      call: (call) => this.#call(call),
      post: (to, said) => this.#post({ to, line: said }),
      nobody: () => this.#steal(),
    })
    line.onUp.add((welcome) => this.#followFirst(welcome))
    return line
  }

  /** Where there is no core yet, this is the first one. */
  #followFirst({ replica, storage }: Welcome): void {
    if (this.#core !== undefined || this.#held !== undefined || this.#isOver) return
    this.#begun(this.#newFollower(replica, { ...storage, failing: undefined }))
  }

  #newFollower(replica: FollowerCore['replica'], storage: StorageStatus): FollowerCore {
    const { clock, random, logger } = this.#host
    const line = this.#line
    const { instance } = line
    const follower = new FollowerCore({ line, instance, replica, storage, clock, random, logger })
    this.#follower = follower
    return follower
  }

  // What is heard ----------------------------------------------------------------------------------

  #hear(message: unknown): void {
    const posted = parsePosted(message)
    if (posted === undefined || posted.from === this.#address || this.#isEnded) return
    if (posted.to !== undefined && posted.to !== this.#address) return
    const { from, version, call, line } = posted
    if (call !== undefined) this.#called(from, version, call)
    else if (line !== undefined && version === this.#options.version) this.#said(from, line)
  }

  #called(from: string, version: number, call: Call): void {
    const own = this.#options.version
    if (call === 'who') {
      if (this.#tabs !== undefined) this.#call('owner', from)
      else if (this.#held !== undefined) this.#call('settling', from)
    } else if (version > own) {
      if (call !== 'leaving') this.#strand()
    } else if (version < own) {
      if (call === 'owner' || call === 'settling') this.#call('yield', from)
    } else {
      if (call === 'leaving') this.#tabs?.left(from)
      if (this.#tabs === undefined) this.#line.called(from, call)
    }
  }

  #said(from: string, line: LineWord): void {
    if (this.#tabs !== undefined) this.#tabs.hear(from, line)
    else if (!this.#line.hear(from, line) && line.word !== undefined) {
      // It takes this tab for the owner.
      this.#post({ to: from, line: { name: line.name, n: 0 } })
    }
  }

  /** A newer version of the app has the store, or is about to. Nothing is taken from it or given to it. */
  #strand(): void {
    if (this.#isOver) return
    const error = new ClientError(
      'other-version',
      'another tab runs a newer version of this app: reload this one. What is edited here now is not saved',
    )
    this.#stranded = error
    this.#lock.giveUp()
    this.#endPause()
    if (this.#core === undefined) {
      this.#failedToBegin(error)
      return
    }
    this.#host.report(error)
    this.#line.close()
    this.#follower?.strand(error)
    this.#stepDown('yield')
  }

  #lives(life: TabLife): void {
    if (life === 'frozen' || life === 'left') {
      this.#call('leaving')
      // Now, and not when this page wakes: others are awake.
      this.#held?.release()
      this.#stepDown('left')
      return
    }
    if (life === 'resumed' || life === 'back') this.#call('who')
    if (life === 'visible' || life === 'hidden') this.#core?.setAway(life === 'hidden')
    if (life === 'visible' || life === 'online') this.#core?.retryNow()
  }

  #call(call: Call, to?: string): void {
    this.#post({ call, ...(to === undefined ? {} : { to }) })
  }

  #post(posted: Omit<Posted, 'holdfast' | 'version' | 'from'>): void {
    const { version } = this.#options
    this.#channel.post({ holdfast: 'tabs', version, from: this.#address, ...posted })
  }

  /** Others of this origin may say anything: it ends here. */
  #guarded(take: () => void): void {
    try {
      take()
    } catch (error) {
      this.#host.logger.error('what a tab said could not be taken', { error: String(error) })
    }
  }
}

const nothing: Undo = () => {}
