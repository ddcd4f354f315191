import type { Undo } from '../ports/index.js'
import { messageBounds, type InstanceId, type OpId, sorted } from '../protocol/index.js'
import type { SessionContext } from './context.js'
import { archiveBounds as bounds } from './limits.js'

/** What the mesh knows of whom an op has reached. */
export interface Reach {
  /** Whom this instance has a direct link to, just now. */
  neighbours(): readonly InstanceId[]
  onNeighbours(listener: () => void): Undo
  /** Which of them have taken this op. Only ever a saving: nobody is believed to hold anything. */
  reached(op: OpId): readonly InstanceId[]
}

/**
 * Tells the archive whom this instance is linked with, and names those whom an op has reached by
 * their positions in the list that it was last told.
 */
export class NeighbourList {
  readonly #context: SessionContext
  readonly #reach: Reach | undefined
  readonly #stop: Undo
  #list = 0
  #positionByInstance = new Map<InstanceId, number>()
  #timer: Undo | undefined

  constructor(context: SessionContext, reach: Reach | undefined) {
    this.#context = context
    this.#reach = reach
    this.#stop = reach?.onNeighbours(() => this.#tellSoon()) ?? (() => {})
  }

  /** Tells those that are there now; nothing where there are none. */
  start(): void {
    if (this.#reach !== undefined && this.#reach.neighbours().length > 0) this.#tell()
  }

  close(): void {
    this.#stop()
    this.#timer?.()
  }

  /** For `push`: undefined where none of the neighbours has it. */
  reached(op: OpId): { readonly list: number; readonly neighbours: number[] } | undefined {
    if (this.#list === 0 || this.#reach === undefined) return undefined
    const neighbours: number[] = []
    for (const instance of this.#reach.reached(op)) {
      const position = this.#positionByInstance.get(instance)
      if (position !== undefined && !neighbours.includes(position)) neighbours.push(position)
    }
    if (neighbours.length === 0) return undefined
    return { list: this.#list, neighbours: sorted(neighbours, (a, b) => a - b) }
  }

  #tellSoon(): void {
    this.#timer ??= this.#context.clock.after(bounds.tellNeighboursWithinMs, () => {
      this.#timer = undefined
      this.#tell()
    })
  }

  #tell(): void {
    const instances = [...new Set(this.#reach?.neighbours())].slice(0, messageBounds.maxNeighbours)
    const known = [...this.#positionByInstance.keys()]
    const isSame =
      instances.length === known.length && instances.every((one, at) => one === known[at])
    if (this.#list > 0 && isSame) return
    this.#positionByInstance = new Map(instances.map((instance, at) => [instance, at]))
    this.#list++
    this.#context.sender.say({ type: 'neighbours', list: this.#list, instances })
  }
}
