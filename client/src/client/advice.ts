import type { ClientErrorCode } from '../errors.js'

/** What to do about an error that nobody listened for. */
export function adviceOf(code: ClientErrorCode): string {
  return `${advice[code]} Listen with client.onError to handle this in the app.`
}

const advice: Readonly<Record<ClientErrorCode, string>> = {
  closed: 'Something is used after it was closed.',
  'bad-name': 'Give another name.',
  'bad-option': 'Look at the options that were given.',
  unsupported: 'This platform lacks something: give it as an option.',
  'store-in-use': 'Close the other process, or give each its own store.',
  'store-taken': 'Another tab or process has the store now: go on there.',
  'store-too-new': 'A newer version of the app has written the store: update this one.',
  'store-damaged': 'It was set aside, and is filled again from peers and archive.',
  'storage-full': 'Edits are in memory alone until there is room: tell the user to make some.',
  'storage-failed': 'Edits are in memory alone until the store can be written again.',
  'not-durable': 'Edits are gone with this page: tell the user.',
  'document-damaged': 'A part was set aside; it comes again from whoever has it.',
  'document-deleted': 'Close it: nothing is synced any more.',
  refused: 'It is kept on this device: see collection.kept().',
  'access-refused': 'Give another token, then call client.retryNow().',
  'resync-failed': 'It is tried again by itself; look at the archive’s log.',
  'archive-misbehaved': 'It is tried again by itself; look at what stands between.',
  'other-version': 'Reload the older tab.',
  'listener-threw': 'Everybody else was told all the same; look at the cause.',
  internal: 'This is a fault of the package: report it.',
}
