/** Things to do: a map for each, so that two people can change two things of one, and deletions. */
import type { Document } from '@holdfast/client'
import * as Y from 'yjs'
import { eachFrame, element } from '../dom.js'

type Card = Y.Map<string | number | boolean>

export class Board {
  readonly #board: Document
  readonly #list = element('ul', { className: 'cards' })
  readonly #empty = element('p', { className: 'empty' }, 'Nothing to do yet.')
  readonly #text = element('input', {
    type: 'text',
    id: 'card-text',
    maxLength: 120,
    autocomplete: 'off',
    placeholder: 'Something to do',
    'aria-label': 'Something to do',
  })
  readonly #show = eachFrame(() => this.#showNow())

  constructor(home: HTMLElement, board: Document) {
    this.#board = board
    const add = element('button', { type: 'submit' }, 'Add')
    const form = element('form', { className: 'add' }, this.#text, add)
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const text = this.#text.value.trim()
      if (text === '') return
      this.#add(text)
      this.#text.value = ''
    })
    home.append(element('h2', { id: 'board-title' }, 'To do'), this.#list, this.#empty, form)
    this.#follow()
    board.onReplaced(() => this.#follow())
  }

  get #cards(): Y.Map<Card> {
    return this.#board.ydoc.getMap('cards')
  }

  #follow(): void {
    this.#cards.observeDeep(this.#show)
    this.#show()
  }

  #add(text: string): void {
    const card: Card = new Y.Map()
    card.set('text', text)
    card.set('isDone', false)
    card.set('at', Date.now())
    this.#cards.set(crypto.randomUUID(), card)
  }

  #showNow(): void {
    const focused = document.activeElement?.id
    const sorted = [...this.#cards].toSorted(
      ([a, left], [b, right]) =>
        Number(left.get('at')) - Number(right.get('at')) || (a < b ? -1 : 1),
    )
    this.#empty.hidden = sorted.length > 0
    this.#list.replaceChildren(...sorted.map(([id, card]) => this.#row(id, card)))
    if (focused) document.getElementById(focused)?.focus()
  }

  #row(id: string, card: Card): HTMLLIElement {
    const text = String(card.get('text') ?? '')
    const box = element('input', {
      type: 'checkbox',
      id: `card-${id}`,
      checked: card.get('isDone') === true,
    })
    box.addEventListener('change', () => card.set('isDone', box.checked))
    const remove = element(
      'button',
      {
        type: 'button',
        className: 'quiet',
        id: `remove-${id}`,
        'aria-label': `Delete ${text}`,
        title: 'Delete',
      },
      '×',
    )
    remove.addEventListener('click', () => {
      this.#cards.delete(id)
      this.#text.focus()
    })
    return element('li', {}, box, element('label', { htmlFor: `card-${id}` }, text), remove)
  }
}
