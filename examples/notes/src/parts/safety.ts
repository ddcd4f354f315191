/*
 * Where one's own edits are: three boxes that they pass through. A number is how many are on their
 * way to the next one; the last box is lit when nothing is.
 */
import type { Client, ClientError, Collection } from '@holdfast/client'
import { eachFrame, element } from '../dom.js'
import { KeptEdits } from './kept-edits.js'

export class Safety {
  readonly #local = step('local', 'in this page')
  readonly #saved = step('saved', 'on this device')
  readonly #archived = step('archived', 'in the archive')
  readonly #failing = element('p', { className: 'failing', role: 'alert', hidden: true })
  readonly #kept: KeptEdits
  readonly #client: Client
  readonly #hasArchive: () => boolean

  constructor(home: HTMLElement, client: Client, collections: readonly Collection[]) {
    this.#client = client
    this.#kept = new KeptEdits(collections)
    let hasArchive = false
    // One that was cut off is not listed, and is there all the same.
    this.#hasArchive = () => {
      hasArchive ||= collections.some(({ status }) => status.archives.length > 0)
      return hasArchive
    }
    home.className = 'safety'
    home.append(
      element('h3', {}, 'Your edits'),
      element(
        'ol',
        { className: 'steps' },
        this.#local.item,
        this.#saved.item,
        this.#archived.item,
      ),
      this.#failing,
      this.#kept.root,
    )
    const show = eachFrame(() => this.#show())
    client.onStatus(show)
    for (const collection of collections) collection.onStatus(show)
    this.#show()
  }

  #show(): void {
    const { pending, storage } = this.#client.status
    const { isDurable, failing } = storage
    const isBroken = !isDurable || failing !== undefined
    this.#local.show(pending.local, pending.local > 0 ? 'active' : 'passed')
    this.#saved.show(
      pending.saved,
      isBroken ? 'broken' : pending.saved > 0 ? 'active' : 'passed',
      isBroken ? (isDurable ? 'storage fails' : 'not in a private window') : undefined,
    )
    const isSafe = pending.local === 0 && pending.saved === 0
    this.#archived.show(0, !this.#hasArchive() ? 'absent' : isSafe ? 'lit' : 'waiting')
    const trouble =
      failing === undefined
        ? ''
        : `Not saved: ${reasonOf(failing)}. Keep this page open; it is tried again.`
    this.#failing.hidden = trouble === ''
    // Said again only when it is something else.
    if (this.#failing.textContent !== trouble) this.#failing.textContent = trouble
    this.#kept.show(pending.refused)
  }
}

function reasonOf({ code, message }: ClientError): string {
  return code === 'storage-full' ? 'this browser has no room left' : message
}

type StepState = 'active' | 'passed' | 'waiting' | 'lit' | 'broken' | 'absent'

interface Step {
  readonly item: HTMLLIElement
  show(count: number, state: StepState, note?: string): void
}

function step(name: string, where: string): Step {
  const count = element('span', { className: 'count' })
  const note = element('span', { className: 'where' }, where)
  const item = element(
    'li',
    { className: 'step', 'data-step': name },
    element('span', { className: 'name' }, name),
    count,
    note,
  )
  return {
    item,
    show: (waiting, state, words) => {
      item.dataset['state'] = state
      count.textContent = waiting > 0 ? String(waiting) : state === 'lit' ? '✓' : ''
      note.textContent = words ?? where
    },
  }
}
