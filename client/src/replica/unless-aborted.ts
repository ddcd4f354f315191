/** What a promise comes to, unless the signal is aborted before: then its reason. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return promise
  let stop = (): void => {}
  const aborted = new Promise<'aborted'>((resolve) => {
    const abort = (): void => resolve('aborted')
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    stop = () => signal.removeEventListener('abort', abort)
  })
  try {
    const winner = await Promise.race([promise.then((value) => ({ value })), aborted])
    if (winner === 'aborted') throw signal.reason
    return winner.value
  } finally {
    stop()
  }
}
