/** The list of notes and the editor: which one is open, and what becomes of it when it goes. */
import type { Document } from '@holdfast/client'
import { byId, element, toast } from './dom.js'
import type { Me } from './me.js'
import { Editor } from './parts/editor.js'
import { NotesList } from './parts/notes-list.js'
import { showRoom } from './rooms.js'
import type { Session } from './session.js'

/** What is awaited of others before a page that has nothing begins by itself. */
const patienceMs = 2_500

export class NotesApp {
  readonly #session: Session
  readonly #list: NotesList
  readonly #home = byId('editor')
  #me: Me
  #editor: Editor | undefined
  /** Ends what is listened to of the open note. */
  #undo: readonly (() => void)[] = []
  #turn = 0

  constructor(session: Session) {
    this.#session = session
    this.#me = session.me
    this.#list = new NotesList({
      home: byId('notes'),
      index: session.index,
      onChosen: (id) => this.#open(id, { focuses: true }),
      onNew: () => this.#open(this.#list.add(''), { focuses: true }),
      onDeleted: (id) => {
        session.notes.delete(id).catch(report)
        if (this.#editor?.note.id === id) this.#openFirst()
      },
    })
  }

  async begin(): Promise<void> {
    if (this.#list.rows.length === 0) await this.#othersNotes()
    // All who begin at once begin with the same one.
    if (this.#list.rows.length === 0) this.#list.add('Welcome', 'welcome')
    this.#openFirst()
  }

  show(me: Me): void {
    this.#me = me
    this.#editor?.show(me)
  }

  titleOf(note: string): string {
    return note === this.#session.index.id ? 'the list of notes' : this.#list.titleOf(note)
  }

  type(edits: number): void {
    if (this.#editor === undefined) toast('Open a note first.')
    else this.#editor.type(edits)
  }

  /** A page that is new here asks the others first, but not for ever: it may be the first of all. */
  async #othersNotes(): Promise<void> {
    const synced = this.#session.index.whenSynced({ signal: AbortSignal.timeout(patienceMs) })
    await synced.catch(() => undefined)
  }

  #openFirst(): void {
    const [first] = this.#list.rows
    if (first === undefined) this.#showNone()
    else this.#open(first.id)
  }

  #open(id: string, { focuses = false } = {}): void {
    const turn = ++this.#turn
    this.#list.choose(id)
    showRoom('write')
    const open = async (): Promise<void> => {
      const note = await this.#session.notes.open(id)
      // Somebody has chosen another one meanwhile.
      if (turn !== this.#turn) return note.close()
      this.#closeEditor()
      this.#edit(note)
      if (focuses) this.#editor?.focus()
    }
    open().catch(report)
  }

  #edit(note: Document): void {
    const open = (): Editor =>
      new Editor({
        home: this.#home,
        note,
        me: this.#me,
        onTitle: (title) => this.#list.retitle(note.id, title),
      })
    this.#home.replaceChildren()
    this.#editor = open()
    let isGone = false
    this.#undo = [
      note.onReplaced(() => {
        this.#editor?.letGo()
        this.#editor = open()
      }),
      note.onState(({ isDeleted }) => {
        // Its state goes on changing until it is closed: what is refused of it follows.
        if (!isDeleted || isGone) return
        isGone = true
        toast('Somebody has deleted the note that was open here.')
        this.#openFirst()
      }),
    ]
  }

  #closeEditor(): void {
    for (const undo of this.#undo) undo()
    this.#undo = []
    this.#editor?.close()
    this.#editor = undefined
  }

  #showNone(): void {
    this.#turn++
    this.#list.choose(undefined)
    this.#closeEditor()
    this.#home.replaceChildren(
      element('p', { className: 'empty' }, 'No note is open. “New note” makes one.'),
    )
  }
}

function report(error: unknown): void {
  toast(error instanceof Error ? error.message : String(error), 'trouble')
}
