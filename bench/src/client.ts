/** The client beside its floors. */
import { UsageError, type Figure, type Scenario } from './report.js'

/** Loaded when asked for: only some of them need a browser. */
const measures: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  C1: async () => (await import('./client/saved.js')).measureSaved(),
  C2: async () => (await import('./client/replica.js')).measureOpening(),
  C3: async () => (await import('./client/replica.js')).measureMany(),
  C4: async () => (await import('./client/replica.js')).measureTyping(),
}

export const scenario: Scenario = {
  keepsOthers: true,
  about: `the client beside its floors: \`saved\` in Chromium, opening, many documents, typing [--only ${Object.keys(measures).join('|')}] (20 s)`,
  async run(args) {
    const [option, only] = args
    const isKnown = only !== undefined && Object.hasOwn(measures, only)
    if (args.length > 0 && !(args.length === 2 && option === '--only' && isKnown)) {
      const names = Object.keys(measures).join(', ')
      throw new UsageError(`client takes --only and one of ${names}, got ${args.join(' ')}`)
    }
    const figures: Figure[] = []
    for (const [name, measure] of Object.entries(measures)) {
      if (only === undefined || only === name) figures.push(...(await measure()))
    }
    return figures
  },
}
