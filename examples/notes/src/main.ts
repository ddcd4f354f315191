import { byId, element, toast } from './dom.js'
import { keepMe, type Me } from './me.js'
import { NotesApp } from './notes-app.js'
import { keepThePage } from './offline.js'
import { Board } from './parts/board.js'
import { Safety } from './parts/safety.js'
import { addSwitches } from './parts/switches.js'
import { chooseRooms } from './rooms.js'
import { openSession } from './session.js'
import { showMesh } from './show-mesh.js'
import { listenForTheKill } from './tabs.js'

async function start(): Promise<void> {
  chooseRooms()
  const session = await openSession()
  const { client, notes, boards, board } = session
  let { me } = session
  client.onError((error) => toast(error.message, 'trouble'))
  listenForTheKill(client)
  const app = new NotesApp(session)
  const parts = {
    board: new Board(byId('board'), board),
    safety: new Safety(byId('safety'), client, [notes, boards]),
  }
  addSwitches({ home: byId('switches'), client, write: (edits) => app.type(edits) })
  showMesh(session, () => me)
  askForName(me, (next) => {
    me = next
    app.show(next)
  })
  await app.begin()
  document.body.dataset['ready'] = Object.keys(parts).join(' ')
  keepThePage()
}

function askForName(me: Me, onChanged: (me: Me) => void): void {
  const input = byId('my-name') as HTMLInputElement
  byId('my-colour').style.background = me.colour
  input.value = me.name
  input.addEventListener('change', () => {
    const name = input.value.trim() === '' ? me.name : input.value.trim()
    input.value = name
    const next = { ...me, name }
    keepMe(next)
    onChanged(next)
  })
}

start().catch((error: unknown) => {
  const text = `This page could not start: ${String(error)}`
  byId('editor').replaceChildren(element('p', { className: 'fatal', role: 'alert' }, text))
})
