import {
  Mistake,
  printable,
  type Command,
  type CommandContext,
  type Terminal,
} from '@holdfast/command'
import type { Clock } from '@holdfast/peer/ports'
import { DemoMesh } from '../simulation/demo-mesh.js'
import { drawPicture, pictureRows } from '../simulation/picture.js'

export const simulateCommand: Command = {
  name: 'simulate',
  summary: 'shows a simulated mesh converge over a lossy network',
  operands: [],
  flags: [{ name: 'seed', value: 'SEED', help: 'The same run again: a number or a word' }],
  about: `
Four peers edit one text while the network between them loses frames, splits and heals, and one of them
crashes: all in this process, on virtual time. On a terminal as a picture that moves, else as a log.`,
  examples: [
    ['simulate', 'a run of its own'],
    ['simulate --seed 7', 'the same as everybody else who asks for it'],
  ],
  run: async (given, { terminal, clock, random, signal }) => {
    const seed = given.value('seed') ?? String(random.uint32() % 1_000_000)
    if (!/^[\w.-]{1,40}$/.test(seed) || seed.startsWith('-')) {
      throw new Mistake(`--seed takes a number or a word; it got '${printable(seed)}'.`)
    }
    return simulate(new DemoMesh(seed), { terminal, clock, signal })
  },
}

type World = Pick<CommandContext, 'terminal' | 'clock' | 'signal'>

/**
 * Shows the simulated mesh until its peers agree: as a picture that moves, one virtual second a
 * second, where somebody watches; else as a log, as fast as it goes.
 */
async function simulate(mesh: DemoMesh, world: World): Promise<0 | 1> {
  const { terminal } = world
  terminal.write(
    'This is a simulation: four peers edit one text over a network that loses frames, splits and\n' +
      `heals, and one of them crashes. --seed ${mesh.seed}\n\n`,
  )
  try {
    if (terminal.isScreen && terminal.rows > pictureRows) await play(mesh, world)
    else await log(mesh, terminal)
  } catch (error) {
    if (world.signal.aborted) throw error
    terminal.writeError(`${error instanceof Error ? error.message : String(error)}\n`)
    terminal.writeError(`Please report this, with: --seed ${mesh.seed}\n`)
    return 1
  }
  const { frames, dropped } = mesh.traffic
  terminal.write(
    `After ${seconds(mesh)} all four hold the same text, though ${dropped} of ${frames} frames were lost:\n` +
      `  ${mesh.peers[0]?.text ?? ''}\n`,
  )
  return 0
}

/** 20 pictures a second: smooth to look at, and nothing to compute. */
const pictureMs = 50

async function play(mesh: DemoMesh, { terminal, clock, signal }: World): Promise<void> {
  let isFirst = true
  for (;;) {
    signal.throwIfAborted()
    const lines = drawPicture(mesh, terminal.columns, terminal.hasColours)
    // Up to where the last picture began, and clear what is below.
    terminal.write(`${isFirst ? '' : `\u001b[${lines.length}A\u001b[J`}${lines.join('\n')}\n`)
    isFirst = false
    if (mesh.isDone) return
    await pause(clock, pictureMs)
    await mesh.run(pictureMs)
  }
}

async function log(mesh: DemoMesh, terminal: Terminal): Promise<void> {
  const undo = mesh.onEvent((what) => terminal.write(`${seconds(mesh).padStart(7)}  ${what}\n`))
  while (!mesh.isDone) await mesh.run(pictureMs)
  undo()
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve)
  })
}

function seconds(mesh: DemoMesh): string {
  return `${(mesh.elapsedMs / 1000).toFixed(1)} s`
}
