/** Something that is due at a virtual time. `run` is gone once it has run or was cancelled. */
export interface Task {
  readonly atMs: number
  /** Rises with each task: tasks of one instant run in the order in which they were added. */
  readonly order: number
  /** For whoever reads what a hung world was waiting for. */
  readonly label: string
  run: (() => void) | undefined
}

/** Tasks by (time, order): a binary heap. Cancelled tasks are skipped, and swept when they are many. */
export class TaskQueue {
  #heap: Task[] = []
  #nextOrder = 0
  #cancelled = 0

  /** Tasks that will still run. */
  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  add(atMs: number, label: string, run: () => void): Task {
    const task: Task = { atMs, order: this.#nextOrder++, label, run }
    this.#heap.push(task)
    this.#up(this.#heap.length - 1)
    return task
  }

  cancel(task: Task): void {
    if (task.run === undefined) return
    task.run = undefined
    this.#cancelled++
    // Long runs cancel most of their timers: without a sweep the heap would hold them until due.
    if (this.#cancelled > 64 && this.#cancelled > this.#heap.length / 2) this.#sweep()
  }

  /** When the next task is due, or undefined when there is none. */
  get nextAtMs(): number | undefined {
    this.#dropCancelledTop()
    return this.#heap[0]?.atMs
  }

  /** Takes the next task out. */
  take(): Task | undefined {
    this.#dropCancelledTop()
    return this.#pop()
  }

  /** The next `limit` tasks in order, for an error message. */
  upcoming(limit: number): readonly Task[] {
    return this.#heap
      .filter((task) => task.run !== undefined)
      .toSorted((a, b) => a.atMs - b.atMs || a.order - b.order)
      .slice(0, limit)
  }

  #dropCancelledTop(): void {
    while (this.#heap[0] !== undefined && this.#heap[0].run === undefined) {
      this.#pop()
      this.#cancelled--
    }
  }

  #sweep(): void {
    this.#heap = this.#heap
      .filter((task) => task.run !== undefined)
      .toSorted((a, b) => a.atMs - b.atMs || a.order - b.order)
    this.#cancelled = 0
  }

  #pop(): Task | undefined {
    const top = this.#heap[0]
    const last = this.#heap.pop()
    if (last !== undefined && last !== top) {
      this.#heap[0] = last
      this.#down(0)
    }
    return top
  }

  #up(from: number): void {
    const heap = this.#heap
    const task = heap[from] as Task
    let at = from
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = heap[parentAt] as Task
      if (isBefore(parent, task)) break
      heap[at] = parent
      at = parentAt
    }
    heap[at] = task
  }

  #down(from: number): void {
    const heap = this.#heap
    const task = heap[from] as Task
    let at = from
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= heap.length) break
      if (childAt + 1 < heap.length && isBefore(heap[childAt + 1] as Task, heap[childAt] as Task)) {
        childAt++
      }
      const child = heap[childAt] as Task
      if (isBefore(task, child)) break
      heap[at] = child
      at = childAt
    }
    heap[at] = task
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
