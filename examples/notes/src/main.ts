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
  const { client, cuts, notes, boards, board } = session
  let { me } = session
  client.onError((error) => toast(error.message, 'trouble'))
  listenForTheKill(client)
  const app = new NotesApp(session)
  const parts = {
    board: new Board(byId('board'), board),
    safety: new Safety(byId('safety'), client, [notes, boards]),
  }
  addSwitches({
    home: byId('switches'),
    client,
    cuts,
    write: (edits) => app.type(edits),
  })
  const name = new NameField(me, (next) => become(next))
  const become = (next: Me): void => {
    me = next
    keepMe(next)
    name.show(next)
    app.show(next)
  }
  showMesh(session, { me: () => me, become, titleOf: (note) => app.titleOf(note) })
  await app.begin()
  document.body.dataset['ready'] = Object.keys(parts).join(' ')
  keepThePage()
}

class NameField {
  readonly #input = byId('my-name') as HTMLInputElement
  #me: Me

  constructor(me: Me, onChanged: (me: Me) => void) {
    this.#me = me
    this.show(me)
    this.#input.addEventListener('change', () => {
      const name = this.#input.value.trim()
      if (name === '') this.show(this.#me)
      else onChanged({ ...this.#me, name, isChosen: true })
    })
  }

  show(me: Me): void {
    this.#me = me
    byId('my-colour').style.background = me.colour
    if (this.#input.value !== me.name) this.#input.value = me.name
  }
}

start().catch((error: unknown) => {
  const text = `This page could not start: ${String(error)}`
  byId('editor').replaceChildren(element('p', { className: 'fatal', role: 'alert' }, text))
})
