/** On a narrow screen one part of the page is seen at a time. */
import { byId } from './dom.js'

export function chooseRooms(): void {
  byId('tabs').addEventListener('click', ({ target }) => {
    const room = (target as HTMLElement).closest('button')?.dataset['room']
    if (room !== undefined) showRoom(room)
  })
}

export function showRoom(room: string): void {
  document.querySelector('main')?.setAttribute('data-room', room)
  for (const button of byId('tabs').querySelectorAll('button')) {
    if (button.dataset['room'] === room) button.setAttribute('aria-current', 'page')
    else button.removeAttribute('aria-current')
  }
}
