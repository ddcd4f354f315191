/** Who sits at this page: a name and a colour, kept in the browser. */

export interface Me {
  readonly name: string
  readonly colour: string
}

const names = ['Otter', 'Urchin', 'Limpet', 'Heron', 'Wrasse', 'Puffin', 'Kelp crab', 'Seal']
/** Dark enough for white letters on them, and light enough for a dark page. */
const colours = [
  '#2f7d5b',
  '#b4532a',
  '#3f6fb5',
  '#8a4f9e',
  '#a8761c',
  '#b03a5b',
  '#2b8591',
  '#6a6f2a',
]

/** A tab has a name of its own until somebody types one: two tabs are two people in the picture. */
export function readMe(): Me {
  const stored = sessionStorage.getItem('me') ?? localStorage.getItem('me')
  if (stored !== null) {
    const me = parse(stored)
    if (me !== undefined) return me
  }
  const draw = crypto.getRandomValues(new Uint32Array(2))
  const me = {
    name: names[(draw[0] ?? 0) % names.length] ?? 'Otter',
    colour: colours[(draw[1] ?? 0) % colours.length] ?? '#2f7d5b',
  }
  sessionStorage.setItem('me', JSON.stringify(me))
  return me
}

export function keepMe(me: Me): void {
  sessionStorage.setItem('me', JSON.stringify(me))
  localStorage.setItem('me', JSON.stringify(me))
}

function parse(text: string): Me | undefined {
  try {
    const { name, colour } = JSON.parse(text) as Partial<Me>
    if (typeof name !== 'string' || typeof colour !== 'string') return undefined
    return colours.includes(colour) ? { name: name.slice(0, 24), colour } : undefined
  } catch {
    // Somebody else's entry under our name: we begin anew.
    return undefined
  }
}
