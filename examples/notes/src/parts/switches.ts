/** Ways to break it. Each says what to look at while it is broken. */
import type { Client } from '@holdfast/client'
import type { Cuts } from '../cuts.js'
import { element, toast } from '../dom.js'
import { archiveControl } from '../server-control.js'
import { killOwner } from '../tabs.js'

export interface SwitchesOptions {
  readonly home: HTMLElement
  readonly client: Client
  readonly cuts: Cuts
  readonly write: (edits: number) => void
}

export function addSwitches({ home, client, cuts, write }: SwitchesOptions): void {
  home.className = 'switches'
  const grid = element('div', { className: 'grid' })
  home.append(element('h3', {}, 'Break it'), grid)
  grid.append(
    toggle('Go offline', cuts.has('offline'), (isOn) => {
      cuts.set('offline', isOn)
      toast(isOn ? 'Offline. Write on: it is saved here, and goes out later.' : 'Online again.')
    }),
    toggle('Cut the mesh', cuts.has('mesh'), (isOn) => {
      cuts.set('mesh', isOn)
      if (isOn) toast('No peer is linked now. Edits go through the archive alone.')
    }),
    toggle('Cut the archive', cuts.has('archive'), (isOn) => {
      cuts.set('archive', isOn)
      if (isOn) toast('Peers carry your edits to the archive for you.')
    }),
    action('Write 1,000 edits', () => write(1_000)),
    action('Kill the owner tab', () => killOwner(client)),
  )
  void addArchiveSwitch(grid, client)
}

/** `holdfast up` on this machine lets its page stop the archive. */
async function addArchiveSwitch(grid: HTMLElement, client: Client): Promise<void> {
  const control = await archiveControl()
  if (control === undefined) return
  const turn = async (isOn: boolean): Promise<void> => {
    try {
      await control.setRunning(!isOn)
      toast(isOn ? 'The archive is down. The mesh goes on.' : 'The archive is back.')
    } catch (error) {
      toast(`That did not work: ${String(error)}`, 'trouble')
    }
  }
  const button = toggle('Stop the archive', !control.isRunning, (isOn) => void turn(isOn))
  grid.append(button)
  let reach = client.status.reach
  client.onStatus((status) => {
    if (status.reach === reach) return
    reach = status.reach
    void showAsItIs(button)
  })
}

/** Another page may have stopped it, or started it again. */
async function showAsItIs(button: HTMLButtonElement): Promise<void> {
  const control = await archiveControl()
  if (control !== undefined) button.setAttribute('aria-pressed', String(!control.isRunning))
}

function toggle(label: string, isOn: boolean, change: (isOn: boolean) => void): HTMLButtonElement {
  const button = element('button', { type: 'button', 'aria-pressed': String(isOn) }, label)
  button.addEventListener('click', () => {
    const isNowOn = button.getAttribute('aria-pressed') !== 'true'
    button.setAttribute('aria-pressed', String(isNowOn))
    change(isNowOn)
  })
  return button
}

function action(label: string, run: () => void): HTMLButtonElement {
  const button = element('button', { type: 'button' }, label)
  button.addEventListener('click', run)
  return button
}
