/** The notes by title, newest first: `index` maps a note's id to its title and age. */
import type { Document } from '@holdfast/client'
import * as Y from 'yjs'
import { eachFrame, element } from '../dom.js'

export interface NotesListOptions {
  readonly home: HTMLElement
  readonly index: Document
  readonly onChosen: (id: string) => void
  readonly onNew: () => void
  readonly onDeleted: (id: string) => void
}

interface Row {
  readonly id: string
  readonly title: string
  readonly at: number
}

export class NotesList {
  readonly #options: NotesListOptions
  readonly #list = element('ul', { className: 'note-list' })
  readonly #empty = element('p', { className: 'empty' }, 'No notes yet.')
  readonly #new = element('button', { type: 'button', className: 'primary' }, 'New note')
  readonly #show = eachFrame(() => this.#showNow())
  #chosen: string | undefined
  /** Which one is asked about before it is deleted. */
  #asked: string | undefined

  constructor(options: NotesListOptions) {
    this.#options = options
    this.#new.addEventListener('click', () => options.onNew())
    options.home.append(
      element('div', { className: 'list-head' }, element('h2', {}, 'Notes'), this.#new),
      this.#list,
      this.#empty,
    )
    this.#follow()
    options.index.onReplaced(() => this.#follow())
  }

  get rows(): readonly Row[] {
    const rows: Row[] = []
    for (const [id, value] of this.#map) {
      const [title, at] = [value.get('title'), value.get('at')]
      rows.push({
        id,
        title: typeof title === 'string' ? title : '',
        at: typeof at === 'number' ? at : 0,
      })
    }
    return rows.toSorted((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1))
  }

  titleOf(id: string): string {
    return nameOf(this.rows.find((row) => row.id === id)?.title ?? '')
  }

  add(title: string, id: string = crypto.randomUUID()): string {
    const row = new Y.Map<string | number>()
    row.set('title', title)
    row.set('at', Date.now())
    this.#map.set(id, row)
    return id
  }

  /** The first line of a note is its title. */
  retitle(id: string, title: string): void {
    const row = this.#map.get(id)
    if (row !== undefined && row.get('title') !== title) row.set('title', title)
  }

  choose(id: string | undefined): void {
    this.#chosen = id
    this.#show()
  }

  get #map(): Y.Map<Y.Map<string | number>> {
    return this.#options.index.ydoc.getMap('notes')
  }

  #follow(): void {
    this.#map.observeDeep(this.#show)
    this.#show()
  }

  #showNow(): void {
    const { rows } = this
    const focused = document.activeElement?.getAttribute('data-focus')
    this.#empty.hidden = rows.length > 0
    this.#list.replaceChildren(...rows.map((row) => this.#row(row)))
    if (typeof focused === 'string') this.#focus(focused)
  }

  #row({ id, title }: Row): HTMLLIElement {
    const name = nameOf(title)
    const open = element(
      'button',
      { type: 'button', className: 'note', title: name, 'data-focus': `open ${id}` },
      element('span', { className: 'title' }, name),
    )
    if (id === this.#chosen) open.setAttribute('aria-current', 'true')
    open.addEventListener('click', () => this.#options.onChosen(id))
    return element('li', { 'data-note': id }, open, this.#removal(id, name))
  }

  /** It is for everybody and for good: asked once more, in its place. */
  #removal(id: string, name: string): HTMLButtonElement {
    const isAsked = this.#asked === id
    const button = element(
      'button',
      {
        type: 'button',
        className: isAsked ? 'sure' : 'quiet',
        'aria-label': isAsked ? `Delete ${name} for everybody?` : `Delete ${name}`,
        title: isAsked ? 'For everybody, for good' : 'Delete',
        'data-focus': `delete ${id}`,
      },
      isAsked ? 'Delete?' : '×',
    )
    button.addEventListener('click', () => {
      if (isAsked) this.#delete(id)
      else this.#ask(id)
    })
    if (isAsked) {
      button.addEventListener('blur', () => {
        // Also when the list is drawn anew, which gives it the focus back.
        setTimeout(() => {
          const isBack = document.activeElement?.getAttribute('data-focus') === `delete ${id}`
          if (!isBack && this.#asked === id) this.#ask(undefined)
        })
      })
      button.addEventListener('keydown', ({ key }) => {
        if (key === 'Escape') this.#ask(undefined)
      })
    }
    return button
  }

  #ask(id: string | undefined): void {
    this.#asked = id
    this.#showNow()
  }

  #delete(id: string): void {
    const { rows } = this
    const place = rows.findIndex((row) => row.id === id)
    const next = rows[place + 1] ?? rows[place - 1]
    this.#asked = undefined
    this.#map.delete(id)
    this.#showNow()
    this.#focus(next === undefined ? 'new' : `open ${next.id}`)
    this.#options.onDeleted(id)
  }

  #focus(what: string): void {
    const found = this.#list.querySelector<HTMLElement>(`[data-focus="${CSS.escape(what)}"]`)
    ;(found ?? this.#new).focus()
  }
}

function nameOf(title: string): string {
  return title.trim() === '' ? 'Untitled' : title
}
