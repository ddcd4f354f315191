import type { Clock } from '@holdfast/peer/ports'
import { SeededRandom, SimulatedDisk, Trace } from '@holdfast/peer/testing'
import { openSimulatedDriver } from '../../sim/driver/simulated-driver.js'
import type { DriverSubject } from './subject.js'

/** A disk that answers a turn later; a crash loses and tears what was not synced. */
export async function simulatedSubject(): Promise<DriverSubject> {
  const random = new SeededRandom('driver contract')
  const disk = new SimulatedDisk({ host: 'device', random, trace: new Trace(() => 0) })
  let life = 0
  const open = (): ReturnType<typeof openSimulatedDriver> => {
    const own = life
    return openSimulatedDriver({
      disk: disk.handle(turns, () => own === life),
      clock: turns,
      random,
    })
  }
  return {
    open,
    openElsewhere: open,
    async crash() {
      life++
      disk.crash()
    },
    close: async () => {},
  }
}

/** No time passes: what is due at once runs in the next turn, and nothing is ever idle. */
const turns: Clock = {
  now: () => 0,
  monotonic: () => 0,
  after(delayMs, task) {
    let isUndone = false
    if (delayMs <= 0) queueMicrotask(() => !isUndone && task())
    return () => void (isUndone = true)
  },
}
