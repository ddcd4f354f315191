import type { Client, Way } from '@holdfast/client'

type Cut = Way | 'offline'

/** What is cut in this tab. It stays cut when the page is loaded again. */
export class Cuts {
  readonly #client: Client
  readonly #cut: Set<Cut>

  constructor(client: Client) {
    this.#client = client
    const kept = sessionStorage.getItem('cuts')?.split(' ') ?? []
    this.#cut = new Set((['offline', 'mesh', 'archive'] as const).filter((c) => kept.includes(c)))
    this.#apply()
  }

  has(cut: Cut): boolean {
    return this.#cut.has(cut)
  }

  set(cut: Cut, isCut: boolean): void {
    if (isCut) this.#cut.add(cut)
    else this.#cut.delete(cut)
    sessionStorage.setItem('cuts', [...this.#cut].join(' '))
    this.#apply()
  }

  #apply(): void {
    for (const way of ['mesh', 'archive'] as const) {
      if (this.has('offline') || this.has(way)) this.#client.disconnect(way)
      else this.#client.connect(way)
    }
  }
}
