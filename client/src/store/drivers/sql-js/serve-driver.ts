import { ClientError } from '../../../errors.js'
import type { Driver } from '../../driver.js'
import { toWireError, toWireEvent, transferables, type MessageEnd, type ToPage } from './rpc.js'
import type { ToWorker } from './rpc.js'

/** The worker's half: opens a driver when the page asks, and answers its calls in their order. */
export function serveDriver(end: MessageEnd, open: (name: string) => Promise<Driver>): void {
  let opening: Promise<Driver> | undefined

  async function answer(message: ToWorker): Promise<unknown> {
    if (message.call === 'open') {
      opening ??= open(message.args[0])
      const driver = await opening
      driver.onEvent((event) => post({ kind: 'event', event: toWireEvent(event) }))
      return driver.isDurable
    }
    if (opening === undefined) throw new ClientError('internal', 'a call before the opening')
    const driver = await opening
    switch (message.call) {
      case 'transact':
        return driver.transact(...message.args)
      case 'query':
        return driver.query(...message.args)
      case 'size':
        return driver.size()
      case 'close':
        await driver.close()
        return undefined
      default:
        return message satisfies never
    }
  }

  function post(message: ToPage): void {
    const value = message.kind === 'answer' ? message.value : undefined
    end.postMessage(message, transferables(Array.isArray(value) ? value.flat() : []))
  }

  end.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    answer(data).then(
      (value) => post({ kind: 'answer', id: data.id, value }),
      (error: unknown) => post({ kind: 'error', id: data.id, error: toWireError(error) }),
    )
  }
}
