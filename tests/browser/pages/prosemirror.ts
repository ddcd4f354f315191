/** A page that joins a mesh, with its document in ProseMirror, by y-prosemirror as it is published. */
import { createMesh, type MeshDocument } from '@holdfast/peer'
import { Schema } from 'prosemirror-model'
import { EditorState, TextSelection } from 'prosemirror-state'
import { EditorView } from 'prosemirror-view'
import { undo, yCursorPlugin, ySyncPlugin, yUndoPlugin } from 'y-prosemirror'
import * as Y from 'yjs'

const schema = new Schema({
  nodes: {
    doc: { content: 'paragraph+' },
    paragraph: { content: 'text*', toDOM: () => ['p', 0], parseDOM: [{ tag: 'p' }] },
    text: {},
  },
})

export interface ProseState {
  readonly shown: string
  /** What stands beside the carets of others. */
  readonly carets: readonly string[]
}

let editor: EditorView | undefined
let note: MeshDocument | undefined

export function join(server: string, name: string): void {
  note = createMesh({ server }).join('prose').open('note', new Y.Doc())
  note.awareness.setLocalStateField('user', { name, color: '#30bced' })
  const plugins = [
    ySyncPlugin(note.ydoc.getXmlFragment('body')),
    yCursorPlugin(note.awareness),
    yUndoPlugin(),
  ]
  editor = new EditorView(document.body, { state: EditorState.create({ schema, plugins }) })
}

/** As a user does, at the start. */
export function type(text: string): void {
  const { view } = opened()
  view.dispatch(view.state.tr.insertText(text, 1))
}

export function undoLast(): void {
  undo(opened().view.state)
}

/** What the editor does when it is clicked into. */
export function placeCaret(at: number): void {
  const { view } = opened()
  view.focus()
  view.dispatch(view.state.tr.setSelection(TextSelection.create(view.state.doc, at)))
}

export function state(): ProseState {
  const { view } = opened()
  const carets = view.dom.querySelectorAll('.ProseMirror-yjs-cursor > div')
  return {
    shown: view.state.doc.textContent,
    carets: [...carets].map(({ textContent }) => textContent ?? ''),
  }
}

/** The editor goes; the document stays open. */
export function closeEditor(): void {
  opened().view.destroy()
}

function opened(): { readonly view: EditorView } {
  if (editor === undefined) throw new Error('this page has joined nothing')
  return { view: editor }
}
