/** Draws what the client says of the mesh, and who is here. */
import type { CollectionStatus } from '@holdfast/client'
import { byId, eachFrame } from './dom.js'
import { besideOthers, type Me } from './me.js'
import { archiveId } from './mesh/model.js'
import type { Compaction } from './mesh/model.js'
import { Picture } from './mesh/picture.js'
import { MeshSource } from './mesh/source.js'
import { People } from './parts/people.js'
import { archiveControl } from './server-control.js'
import type { Session } from './session.js'

/** What others draw of this page is told them so often, however fast somebody types. */
const tellEveryMs = 250
/** And the server asked whether it has compacted anything. */
const askEveryMs = 1_500

interface Self {
  readonly me: () => Me
  readonly become: (me: Me) => void
  readonly titleOf: (note: string) => string
}

export function showMesh({ client, notes, boards }: Session, { me, become, titleOf }: Self): void {
  const picture = new Picture(byId('picture'), titleOf)
  const people = new People(byId('people'))
  const source = new MeshSource(client, notes)
  const reach = byId('reach')
  const compactions = followCompactions(() => show())
  const show = eachFrame(() => {
    const model = source.read(compactions.last)
    picture.show(model)
    people.show(model, notes.links)
    // Of two who drew the same name, the one with the later id draws again.
    const before = model.participants.filter(({ id }) => id < source.self)
    const next = besideOthers(me(), before)
    if (next !== undefined) become(next)
    const words = wordsFor(notes.status)
    reach.dataset['reach'] = client.status.reach
    // It is said aloud when it changes: only then.
    if (reach.textContent !== words) reach.textContent = words
  })
  notes.awareness.on('change', show)
  notes.onLinks(show)
  notes.onStatus(show)
  client.onStatus(show)
  for (const collection of [notes, boards]) {
    collection.onTraffic(({ direction, link }) => {
      const isArchive = collection.status.archives.some(({ archive }) => archive === link)
      const other = isArchive ? archiveId : link
      // It came by way of others, who are not named.
      if (other === undefined) return
      const colour = isArchive ? 'var(--stone-bright)' : me().colour
      if (direction === 'out') picture.pulse(source.self, other, colour)
      else picture.pulse(other, source.self, colour)
    })
  }
  const tell = (): void => {
    source.tell(me())
    // Round trips change without an event.
    show()
  }
  setInterval(tell, tellEveryMs)
  tell()
}

/** Where the server of this page says so: its archive tells peers only what they helped with. */
function followCompactions(changed: () => void): { readonly last: Compaction | undefined } {
  const followed: { last: Compaction | undefined } = { last: undefined }
  let before: string | undefined
  const ask = async (): Promise<void> => {
    const control = await archiveControl()
    // A server that is away for a while is asked again; one that has nothing to say is not.
    if (control === undefined && before === undefined) return
    setTimeout(() => void ask(), askEveryMs)
    if (control === undefined) return
    const text = JSON.stringify(control.compaction) ?? ''
    // What was before this page came is no news.
    if (before !== undefined && text !== before) {
      followed.last = control.compaction
      changed()
    }
    before = text
  }
  void ask()
  return followed
}

function wordsFor({ reach, peers }: CollectionStatus): string {
  const others = peers === 0 ? '' : peers === 1 ? '1 peer' : `${peers} peers`
  if (reach === 'offline' || reach === 'connecting') return reach
  if (reach === 'mesh') return `${others || 'peers'}, no archive`
  return others === '' ? 'archive' : `archive, ${others}`
}
