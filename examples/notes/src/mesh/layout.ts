import type { Participant } from './model.js'

export interface Point {
  readonly x: number
  readonly y: number
}

/** The picture's own units. It is scaled to whatever room it gets. */
export const width = 400
export const height = 326
/** Where the rock begins. */
export const seabed = 232

const aside = 30

/** So many others have a place of their own on the ellipse. */
const roomy = 7

/** Where a peer's line to the archive takes hold: below it, and a little towards the middle. */
export function hold(peer: Point): Point {
  return { x: width / 2 + (peer.x - width / 2) * 0.72, y: seabed + 9 }
}

/**
 * Peers float on an ellipse above the rock, oneself in front. The same people in the same order get
 * the same places, so that nobody jumps when somebody comes.
 */
export function places(participants: readonly Participant[]): ReadonlyMap<string, Point> {
  const self = participants.filter(({ isSelf }) => isSelf)
  const others = participants
    .filter(({ isSelf }) => !isSelf)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const at = new Map<string, Point>()
  if (self.length === 1 && others.length === 1) {
    // Two side by side: one above the other, their lines would lie upon each other.
    for (const { id } of self) at.set(id, { x: 128, y: 152 })
    for (const { id } of others) at.set(id, { x: 272, y: 84 })
    return at
  }
  const centre = { x: width / 2, y: 104 }
  for (const { id } of self) at.set(id, { x: centre.x, y: others.length === 0 ? 110 : 168 })
  if (others.length > roomy) {
    // Neighbours stand on different heights: their names do not touch.
    for (const [index, { id }] of others.entries()) {
      const share = index / (others.length - 1)
      const y = 108 - Math.sin(Math.PI * share) * 66 + (index % 2) * 40
      at.set(id, { x: 30 + share * (width - 60), y })
    }
    for (const { id } of self) at.set(id, { x: centre.x, y: 186 })
    return at
  }
  for (const [index, { id }] of others.entries()) {
    // From left to right over the top.
    const share = others.length === 1 ? 0.5 : index / (others.length - 1)
    const angle = Math.PI * (1.06 - 1.12 * share)
    const isAbove = others.length % 2 === 1 && index === (others.length - 1) / 2
    at.set(id, {
      // Straight above oneself its line to the rock would hide the one to oneself.
      x: centre.x + Math.cos(angle) * 152 + (isAbove ? aside : 0),
      y: centre.y + 26 - Math.sin(angle) * 86,
    })
  }
  return at
}

/** A line that bends a little, away from the middle, so that crossing lines can be told apart. */
export function curve(from: Point, to: Point, bend: number): string {
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 }
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
  const normal = { x: -(to.y - from.y) / length, y: (to.x - from.x) / length }
  const control = { x: middle.x + normal.x * bend, y: middle.y + normal.y * bend }
  return `M${round(from.x)} ${round(from.y)}Q${round(control.x)} ${round(control.y)} ${round(to.x)} ${round(to.y)}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
