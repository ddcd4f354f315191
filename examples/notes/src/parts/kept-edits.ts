/** Edits that the archive will never take are kept on this device: here they can be taken away. */
import type { Collection, KeptEdit } from '@holdfast/client'
import { element, toast } from '../dom.js'

/** Longer than anybody takes to say where a file goes. */
const keepMs = 300_000

export class KeptEdits {
  readonly root = element('div', { className: 'kept', hidden: true })
  readonly #collections: readonly Collection[]
  readonly #text = element('p')

  constructor(collections: readonly Collection[]) {
    this.#collections = collections
    const download = element('button', { type: 'button' }, 'Download')
    download.addEventListener('click', () => void this.#orTell(() => this.#download()))
    const discard = element('button', { type: 'button' }, 'Discard')
    discard.addEventListener('click', () => void this.#orTell(() => this.#discard()))
    this.root.append(this.#text, download, discard)
  }

  show(count: number): void {
    this.root.hidden = count === 0
    const edits = count === 1 ? '1 edit was' : `${count} edits were`
    this.#text.textContent = `${edits} refused, and kept here.`
  }

  async #download(): Promise<void> {
    const edits = await Promise.all(
      this.#collections.map(async (collection) =>
        (await collection.kept()).map((edit) => readable(collection, edit)),
      ),
    )
    const json = JSON.stringify(edits.flat(), null, 2)
    const url = URL.createObjectURL(new Blob([json], { type: 'application/json' }))
    element('a', { href: url, download: 'refused-edits.json' }).click()
    // The browser reads it after the click: given back at once, the download fails now and then.
    setTimeout(() => URL.revokeObjectURL(url), keepMs)
  }

  async #discard(): Promise<void> {
    for (const collection of this.#collections) await collection.discard(await collection.kept())
  }

  async #orTell(run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } catch (error) {
      toast(String(error), 'trouble')
    }
  }
}

/** As anybody can read it who has Yjs: `Y.applyUpdate(doc, Buffer.from(update, 'base64'))`. */
function readable({ name }: Collection, { document, code, atMs, bytes }: KeptEdit): unknown {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return {
    collection: name,
    document,
    code,
    at: new Date(atMs).toISOString(),
    update: btoa(binary),
  }
}
