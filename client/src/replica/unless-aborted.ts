/** What a promise comes to, unless the signal is aborted before: then its reason. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return promise
  const over = new AbortController()
  const aborted = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { signal: over.signal })
  })
  try {
    const winner = await Promise.race([promise.then((value) => ({ value })), aborted])
    if (winner === undefined) throw reasonOf(signal)
    return winner.value
  } finally {
    over.abort()
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw reasonOf(signal)
}

/** React Native's signals know that they were aborted, and not why. */
function reasonOf({ reason }: { readonly reason?: unknown }): unknown {
  if (reason !== undefined) return reason
  const error = new Error('This operation was aborted')
  error.name = 'AbortError'
  return error
}
