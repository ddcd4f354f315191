/** An editor for everybody in one room, as it is written with y-webrtc. */
import { defaultKeymap } from '@codemirror/commands'
import { EditorState } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import { WebrtcProvider } from 'y-webrtc'
import * as Y from 'yjs'

const asked = new URLSearchParams(location.search)
const server = asked.get('server') ?? location.origin.replace(/^http/, 'ws')
const ydoc = new Y.Doc()
const text = ydoc.getText('codemirror')

const provider = new WebrtcProvider('an-editor', ydoc, { signaling: [`${server}/y-webrtc`] })

provider.awareness.setLocalStateField('user', {
  name: asked.get('name') ?? 'Somebody',
  color: '#2a7453',
  colorLight: '#2a745333',
})

const [status, peers] = [element('status'), element('peers')]
provider.on('status', ({ connected }) => (status.textContent = connected ? 'connected' : 'away'))
provider.on('synced', ({ synced }) => (status.dataset['synced'] = String(synced)))
provider.on('peers', ({ webrtcPeers, bcPeers }) => {
  peers.textContent = String(webrtcPeers.length + bcPeers.length)
})

const button = element('connect')
button.addEventListener('click', () => {
  if (provider.shouldConnect) provider.disconnect()
  else provider.connect()
  button.textContent = provider.shouldConnect ? 'Disconnect' : 'Connect'
})

const undoManager = new Y.UndoManager(text)
const view = new EditorView({
  state: EditorState.create({
    doc: text.toJSON(),
    extensions: [
      keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
      EditorView.contentAttributes.of({ 'aria-label': 'Text' }),
      yCollab(text, provider.awareness, { undoManager }),
    ],
  }),
})
element('editor').append(view.dom)

function element(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found
}
