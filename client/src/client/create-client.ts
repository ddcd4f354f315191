import { silentLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import type { Client } from '../api.js'
import { AppClient } from './client.js'
import { networkOf, type ClientOptions } from './options.js'

/**
 * Opens the store, and gives a client on it. Nothing is dialled before the first collection is
 * opened. Rejects with a `ClientError` where the store cannot be opened, and for options that cannot
 * be meant.
 */
export async function createClient(options: ClientOptions): Promise<Client> {
  const { clock = systemClock, random = systemRandom, logger = silentLogger } = options
  const network = await networkOf(options)
  const client = new AppClient({ network, clock, random, logger })
  client.begin(await options.store.begin(client.host))
  return client
}
