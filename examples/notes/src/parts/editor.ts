/** One note in CodeMirror, with everybody's cursor in it. */
import { defaultKeymap } from '@codemirror/commands'
import { EditorState } from '@codemirror/state'
import { drawSelection, EditorView, keymap, placeholder } from '@codemirror/view'
import type { Document } from '@holdfast/client'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import * as Y from 'yjs'
import type { Me } from '../me.js'
import { headings } from './headings.js'

export interface EditorOptions {
  readonly home: HTMLElement
  readonly note: Document
  readonly me: Me
  /** Somebody here has changed the first line. */
  readonly onTitle: (title: string) => void
}

/** What is edited within 20 ms travels as one: in batches so small a thousand edits are many entries. */
const editsABatch = 5
const betweenBatchesMs = 21

export class Editor {
  readonly note: Document
  readonly #view: EditorView
  readonly #undo: Y.UndoManager
  readonly #text: Y.Text
  readonly #told: (event: Y.YTextEvent) => void
  #isClosed = false

  constructor({ home, note, me, onTitle }: EditorOptions) {
    this.note = note
    this.#text = note.ydoc.getText('body')
    this.#undo = new Y.UndoManager(this.#text)
    this.show(me)
    this.#view = new EditorView({
      parent: home,
      state: EditorState.create({
        doc: this.#text.toJSON(),
        extensions: [
          keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
          drawSelection(),
          headings,
          EditorView.lineWrapping,
          // A long note is scrolled by keyboard, too.
          EditorView.contentAttributes.of({ 'aria-label': 'Text of the note', tabindex: '0' }),
          placeholder('Write something. Then open this page in a second window, and watch.'),
          yCollab(this.#text, note.awareness, { undoManager: this.#undo }),
        ],
      }),
    })
    this.#told = ({ transaction }) => {
      // Whoever writes it gives the title: else each one here would, once more.
      if (transaction.local) onTitle(titleOf(this.#text))
    }
    this.#text.observe(this.#told)
  }

  /** Under this name and colour others see the cursor. */
  show({ name, colour }: Me): void {
    this.note.awareness.setLocalStateField('user', {
      name,
      color: colour,
      colorLight: `${colour}33`,
    })
  }

  focus(): void {
    this.#view.focus()
  }

  /** Types at the end, for about four seconds. */
  type(edits: number): void {
    const first = this.#text.length === 0 ? 'A thousand edits\n' : '\n'
    let n = 0
    const some = (): void => {
      if (this.#isClosed) return
      const end = Math.min(n + editsABatch, edits)
      for (; n < end; n++) {
        this.#text.insert(this.#text.length, n === 0 ? first : n % 50 === 0 ? '.\n' : '.')
      }
      if (n < edits) setTimeout(some, betweenBatchesMs)
    }
    some()
  }

  /** The view goes; the note stays open. */
  letGo(): void {
    this.#isClosed = true
    this.#text.unobserve(this.#told)
    this.#view.destroy()
    this.#undo.destroy()
  }

  close(): void {
    this.letGo()
    void this.note.close()
  }
}

function titleOf(text: Y.Text): string {
  const [line = ''] = text.toJSON().slice(0, 200).split('\n', 1)
  return line.replace(/^#+\s*/, '').slice(0, 60)
}
