/** A page that joins a mesh, with its one document in an editor. */
import { createMesh, type Mesh, type MeshCollection, type MeshDocument } from '@holdfast/peer'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { yCollab } from 'y-codemirror.next'
import * as Y from 'yjs'

interface Joined {
  readonly mesh: Mesh
  readonly notes: MeshCollection
  readonly note: MeshDocument
  readonly editor: EditorView
}

export interface PageState {
  readonly text: string
  /** The editor's own. */
  readonly shown: string
  readonly names: readonly string[]
  readonly paths: readonly string[]
  readonly isSynced: boolean
  /** What stands beside the carets of others. */
  readonly carets: readonly string[]
}

/** A page may have several. */
const all: Joined[] = []

/** As the platform gives it: no constructor is handed over. */
export function join(server: string, name: string, collection = 'notes'): void {
  const mesh = createMesh({ server })
  const notes = mesh.join(collection)
  const note = notes.open('note', new Y.Doc())
  const text = note.ydoc.getText('text')
  note.awareness.setLocalStateField('user', { name, color: '#30bced' })
  const editor = new EditorView({
    state: EditorState.create({
      doc: text.toJSON(),
      extensions: [yCollab(text, note.awareness)],
    }),
    parent: document.body,
  })
  all.push({ mesh, notes, note, editor })
}

/** As a user does, at the start. */
export function type(text: string): void {
  last().editor.dispatch({ changes: { from: 0, insert: text } })
}

/** What the editor does when it is clicked into. */
export function placeCaret(at: number): void {
  const { editor } = last()
  editor.focus()
  editor.dispatch({ selection: { anchor: at } })
}

/** @param which of this page's, in the order in which they joined; by default the last */
export function state(which?: number): PageState {
  const { editor, note, notes } = which === undefined ? last() : (all[which] ?? last())
  const users = [...note.awareness.getStates().values()] as { user?: { name: string } }[]
  const carets = editor.dom.querySelectorAll('.cm-ySelectionInfo')
  return {
    text: note.ydoc.getText('text').toJSON(),
    shown: editor.state.doc.toString(),
    names: users.flatMap(({ user }) => (user === undefined ? [] : [user.name])).toSorted(),
    paths: notes.peers.map(({ path }) => path),
    isSynced: note.isSynced,
    carets: [...carets].map(({ textContent }) => textContent ?? ''),
  }
}

/** As an effect of React does: ended without anybody waiting for it. */
export function leave(): void {
  const joined = last()
  all.pop()
  joined.editor.destroy()
  void joined.mesh.close()
}

/** As StrictMode does with every effect. */
export function mountTwice(server: string, name: string, collection: string): void {
  join(server, name, collection)
  leave()
  join(server, name, collection)
}

function last(): Joined {
  const joined = all.at(-1)
  if (joined === undefined) throw new Error('this page has joined nothing')
  return joined
}
