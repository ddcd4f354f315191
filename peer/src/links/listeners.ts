/**
 * Who listens to one thing: nobody, one function, or a list of them that is replaced and never
 * changed. A server has a few of these for each of its clients, and a set for the one function that
 * mostly listens takes more memory than all else that is known of an idle link.
 */
export type Listeners<Heard extends readonly unknown[]> =
  | Listener<Heard>
  | readonly Listener<Heard>[]
  | undefined

type Listener<Heard extends readonly unknown[]> = (...heard: Heard) => void

/** With one more, behind the others; a function that listens already is not put there again. */
export function withListener<Heard extends readonly unknown[]>(
  listeners: Listeners<Heard>,
  one: Listener<Heard>,
): Listeners<Heard> {
  if (listeners === undefined || listeners === one) return one
  return listens(listeners, one) ? listeners : [...listed(listeners), one]
}

export function withoutListener<Heard extends readonly unknown[]>(
  listeners: Listeners<Heard>,
  one: Listener<Heard>,
): Listeners<Heard> {
  const [first, ...others] = listed(listeners).filter((other) => other !== one)
  return first === undefined || others.length === 0 ? first : [first, ...others]
}

export function listens<Heard extends readonly unknown[]>(
  listeners: Listeners<Heard>,
  one: Listener<Heard>,
): boolean {
  return listeners === one || (typeof listeners === 'object' && listeners.includes(one))
}

/** All of them as they are now. */
export function listed<Heard extends readonly unknown[]>(
  listeners: Listeners<Heard>,
): readonly Listener<Heard>[] {
  if (listeners === undefined) return []
  return typeof listeners === 'function' ? [listeners] : listeners
}
