/** Who sits at this page: a name and a colour, kept in the browser. */

export interface Me {
  readonly name: string
  readonly colour: string
  /** Somebody typed the name: until then it may become another one, where two have the same. */
  readonly isChosen: boolean
}

const names = [
  'Otter',
  'Urchin',
  'Limpet',
  'Heron',
  'Wrasse',
  'Puffin',
  'Kelp crab',
  'Seal',
].concat(['Cormorant', 'Starfish', 'Cuttlefish', 'Plover'])
/** Dark enough for white letters on them, and light enough for a dark page. */
const colours = [
  '#2f7d5b',
  '#b4532a',
  '#3f6fb5',
  '#8a4f9e',
  '#96660f',
  '#b03a5b',
  '#257480',
  '#666b28',
]

/** A tab has a name of its own until somebody types one: two tabs are two people in the picture. */
export function readMe(): Me {
  const stored = sessionStorage.getItem('me') ?? localStorage.getItem('me')
  const me = stored === null ? undefined : parse(stored)
  if (me !== undefined) return me
  const draw = crypto.getRandomValues(new Uint32Array(2))
  const drawn = {
    name: names[(draw[0] ?? 0) % names.length] ?? 'Otter',
    colour: colours[(draw[1] ?? 0) % colours.length] ?? '#2f7d5b',
    isChosen: false,
  }
  sessionStorage.setItem('me', JSON.stringify(drawn))
  return drawn
}

export function keepMe(me: Me): void {
  sessionStorage.setItem('me', JSON.stringify(me))
  if (me.isChosen) localStorage.setItem('me', JSON.stringify(me))
}

/** The same person, in what is left of names and colours; undefined if there is nothing to change. */
export function besideOthers(
  me: Me,
  others: readonly Pick<Me, 'name' | 'colour'>[],
): Me | undefined {
  const name = me.isChosen
    ? me.name
    : free(
        names,
        me.name,
        others.map((other) => other.name),
      )
  const colour = free(
    colours,
    me.colour,
    others.map((other) => other.colour),
  )
  return name === me.name && colour === me.colour ? undefined : { ...me, name, colour }
}

function free<T>(all: readonly T[], mine: T, taken: readonly T[]): T {
  return taken.includes(mine) ? (all.find((one) => !taken.includes(one)) ?? mine) : mine
}

function parse(text: string): Me | undefined {
  try {
    const { name, colour, isChosen } = JSON.parse(text) as Partial<Record<keyof Me, unknown>>
    if (typeof name !== 'string' || typeof colour !== 'string') return undefined
    if (!colours.includes(colour)) return undefined
    return { name: name.slice(0, 24), colour, isChosen: isChosen === true }
  } catch {
    // Somebody else's entry under our name: we begin anew.
    return undefined
  }
}
