type Child = Node | string

/** An element with its properties, data and children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> & Readonly<Record<string, unknown>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes('-')) made.setAttribute(key, String(value))
    else Object.assign(made, { [key]: value })
  }
  made.append(...children)
  return made
}

/** What stands in the page under this id. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no element #${id}`)
  return found
}

/** Says something for a few seconds, also to those who listen. */
export function toast(text: string, kind: 'news' | 'trouble' = 'news'): void {
  const shown = element('p', { className: `toast ${kind}` }, text)
  byId('toasts').append(shown)
  setTimeout(() => shown.remove(), kind === 'trouble' ? 9_000 : 5_000)
}

/** Runs it when the page is next drawn, once, however often it was asked for. */
export function eachFrame(run: () => void): () => void {
  let isWaiting = false
  return () => {
    if (isWaiting) return
    isWaiting = true
    // A hidden page draws no frames, and is still looked at by those who test it.
    const go = (): void => {
      isWaiting = false
      run()
    }
    if (document.hidden) setTimeout(go, 50)
    else requestAnimationFrame(go)
  }
}
