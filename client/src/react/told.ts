import type { Undo } from '@holdfast/peer/ports'
import { useMemo, useSyncExternalStore } from 'react'

/**
 * A value that somebody tells of, as React wants to read it: the same object until it changes.
 *
 * @param read what it is now. It may be a new object each time.
 * @param listen says when to look again
 */
class Told<Value> {
  readonly #read: () => Value
  readonly #listen: (news: () => void) => Undo
  #value: Value
  #text: string

  constructor(read: () => Value, listen: (news: () => void) => Undo) {
    this.#read = read
    this.#listen = listen
    this.#value = read()
    this.#text = textOf(this.#value)
  }

  readonly subscribe = (changed: () => void): Undo => {
    const undo = this.#listen(() => {
      if (this.#look()) changed()
    })
    // Between rendering and this nobody was listening. React asks for the value once more.
    this.#look()
    return undo
  }

  readonly value = (): Value => this.#value

  #look(): boolean {
    const value = this.#read()
    const text = textOf(value)
    if (text === this.#text) return false
    this.#value = value
    this.#text = text
    return true
  }
}

/** What is told is data, and small. An error in it has its code. */
function textOf(value: unknown): string {
  return JSON.stringify(value) ?? ''
}

/** What `subject` tells; the same object until it changes. `read` and `listen` go by `subject` alone. */
export function useTold<Subject, Value>(
  subject: Subject,
  read: (subject: Subject) => Value,
  listen: (subject: Subject, news: () => void) => Undo,
): Value {
  const told = useMemo(
    () =>
      new Told(
        () => read(subject),
        (news) => listen(subject, news),
      ),
    [subject, read, listen],
  )
  return useSyncExternalStore(told.subscribe, told.value, told.value)
}
