import type { LinkClosed, Undo } from '../ports/index.js'
import type { PathConditions } from './conditions.js'
import { Lane, type LaneWorld, type Verdict } from './lane.js'
import { LinkEvents } from '../links/link-events.js'
import { SimulatedLink } from './simulated-link.js'
import { newTally } from './statistics.js'

/** Runs a call for a host: at once, later where the host is frozen, never where it is dead. */
export type Gate = (call: () => void) => void

/** What a pipe needs from its network besides what its lanes do. */
export interface PipeWorld extends Omit<LaneWorld, 'judge'> {
  judge(frame: Uint8Array, from: string, to: string): Verdict
  gateOf(host: string): Gate
  /** Both ends have closed. */
  onDone(pipe: Pipe): void
}

/** How the way between the two hosts is just now. */
export interface Way {
  readonly conditions: PathConditions
  readonly isBlocked: boolean
}

/**
 * Both ends of a link and what lies between them, as the one who sets the faults sees it.
 *
 *   a ══ lane ══► b     b stands once the dial has arrived
 *   a ◄══ lane ══ b
 */
export class Pipe {
  readonly id: number
  /** The side that dialled. */
  readonly a: SimulatedLink
  readonly b: SimulatedLink
  readonly #world: PipeWorld
  readonly #endA: End
  readonly #endB: End
  #failAfterMs: number
  #givingUp: Undo[] = []

  constructor(world: PipeWorld, id: number, a: string, b: string, there: Way, back: Way) {
    this.id = id
    this.#world = world
    this.#failAfterMs = there.conditions.failAfterMs
    this.#endA = this.#createEnd(a, b, there, () => this.#endB)
    this.#endB = this.#createEnd(b, a, back, () => this.#endA)
    this.a = this.#linkOf(this.#endA, there.conditions.maxFrameBytes)
    this.b = this.#linkOf(this.#endB, back.conditions.maxFrameBytes)
    this.applyWays(there, back)
  }

  /** Lets the listening side wait until the dial has arrived there. */
  dial(listenerAt: () => ((link: SimulatedLink) => void) | undefined): void {
    const end = this.#endB
    end.isStanding = false
    end.gate = () => {}
    this.#endA.outgoing.sendControl(() => {
      const accept = listenerAt()
      end.isStanding = true
      end.gate = this.#world.gateOf(end.host)
      if (accept === undefined) this.#fail(end, 'nobody listens here')
      else end.gate(() => accept(this.b))
    })
  }

  /**
   * Breaks the pipe. Each side learns of it so many milliseconds from now; with `Infinity` it goes
   * on believing in an open link (half open).
   */
  break(notice: { readonly aAfterMs?: number; readonly bAfterMs?: number } = {}): void {
    this.#world.count('link broken')
    this.#world.trace.line(`link ${this.id} ${this.a.host}-${this.b.host} breaks`)
    this.#breakEnd(this.#endA, notice.aAfterMs ?? 0)
    this.#breakEnd(this.#endB, notice.bAfterMs ?? 0)
  }

  /** The host at this end is gone with all that it knew; the other side learns of it, or never. */
  loseHost(host: string, noticeMs: number): void {
    for (const end of [this.#endA, this.#endB]) {
      if (end.host !== host || !end.isStanding || end.events.closed !== undefined) continue
      end.gate = () => {}
      end.outgoing.loseTail()
      this.#finish(end, { by: 'failed', reason: 'the host died' })
      this.#tellOther(end, { by: 'failed', reason: 'the other host died' }, noticeMs)
    }
  }

  /** Takes over what the network says about the way: conditions, and whether it is cut. */
  applyWays(there: Way, back: Way): void {
    this.#failAfterMs = there.conditions.failAfterMs
    applyWay(this.#endA, there)
    applyWay(this.#endB, back)
    this.#watchCut(there.isBlocked || back.isBlocked)
  }

  /** Frames between the two ends, both ways. */
  get inFlightFrames(): number {
    return this.#endA.outgoing.inFlightFrames + this.#endB.outgoing.inFlightFrames
  }

  #createEnd(host: string, remote: string, way: Way, other: () => End): End {
    const world = this.#world
    const end: End = {
      host,
      outgoing: new Lane(
        { ...world, judge: (frame) => world.judge(frame, host, remote) },
        `link ${this.id} ${host}>${remote}`,
        way.conditions,
        newTally(),
        (frame) => other().gate(() => this.#receive(other(), frame)),
      ),
      events: new LinkEvents(
        (call) => void world.clock.after(0, () => end.gate(call), `${host}: link ${this.id} event`),
      ),
      gate: world.gateOf(host),
      isStanding: true,
      isBroken: false,
    }
    return end
  }

  #receive(end: End, frame: Uint8Array): void {
    if (!end.events.receive(frame)) this.#fail(end, 'too much arrived while nobody listened')
  }

  #linkOf(end: End, maxFrameBytes: number): SimulatedLink {
    return new SimulatedLink({
      id: this.id,
      host: end.host,
      remoteHost: this.#other(end).host,
      maxFrameBytes,
      events: end.events,
      outgoing: end.outgoing,
      close: (reason) => {
        if (this.#finish(end, { by: 'local', reason }))
          this.#tellOther(end, { by: 'remote', reason })
      },
      fail: (reason) => this.#fail(end, reason),
    })
  }

  #other(end: End): End {
    return end === this.#endA ? this.#endB : this.#endA
  }

  #fail(end: End, reason: string): void {
    if (this.#finish(end, { by: 'failed', reason })) this.#tellOther(end, { by: 'failed', reason })
  }

  /** False where the end had closed before. */
  #finish(end: End, closed: LinkClosed): boolean {
    if (end.events.closed !== undefined) return false
    end.events.finish(closed)
    this.#world.trace.line(`link ${this.id} ${end.host} closed ${closed.by}: ${closed.reason}`)
    if (this.#other(end).events.closed !== undefined) {
      this.#stopGivingUp()
      this.#world.onDone(this)
    }
    return true
  }

  #tellOther(end: End, closed: LinkClosed, extraMs = 0): void {
    const { closeLossRate, closeNoticeMs } = end.outgoing.conditions
    if (closeLossRate > 0 && this.#world.random.chance(closeLossRate)) end.outgoing.loseTail()
    end.outgoing.sendControl(
      () => void this.#finish(this.#other(end), closed),
      closeNoticeMs + extraMs,
    )
  }

  #breakEnd(end: End, learnsAfterMs: number): void {
    end.outgoing.loseTail()
    end.outgoing.hold()
    end.isBroken = true
    if (learnsAfterMs === Number.POSITIVE_INFINITY) return
    this.#world.clock.after(
      learnsAfterMs,
      () => void this.#finish(end, { by: 'failed', reason: 'the link broke' }),
      `${end.host}: learns that link ${this.id} broke`,
    )
  }

  /** A link does not stand a cut for ever: each side gives up by itself, not at the same moment. */
  #watchCut(isCut: boolean): void {
    if (isCut === this.#givingUp.length > 0) return
    this.#stopGivingUp()
    if (!isCut || this.#failAfterMs === Number.POSITIVE_INFINITY) return
    this.#givingUp = [this.#endA, this.#endB].map((end) =>
      this.#world.clock.after(
        this.#failAfterMs * this.#world.random.between(1, 1.25),
        () => this.#fail(end, 'cut for too long'),
        `${end.host}: gives up link ${this.id}`,
      ),
    )
  }

  #stopGivingUp(): void {
    for (const undo of this.#givingUp) undo()
    this.#givingUp = []
  }
}

interface End {
  readonly host: string
  readonly outgoing: Lane
  readonly events: LinkEvents
  gate: Gate
  /** False at the listening side until the dial has arrived. */
  isStanding: boolean
  /** Broken for good: healing the way does not start it again. */
  isBroken: boolean
}

function applyWay(end: End, way: Way): void {
  end.outgoing.conditions = way.conditions
  if (end.isBroken) return
  if (way.isBlocked) end.outgoing.hold()
  else end.outgoing.release()
}
