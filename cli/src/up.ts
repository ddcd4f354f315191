import { systemRandom } from '@holdfast/peer/ports'
import { DemoMesh } from './demo/demo-mesh.js'
import { drawPicture, pictureRows } from './demo/picture.js'
import type { Terminal } from './terminal.js'

/**
 * Shows the simulated mesh until its peers agree: as a picture that moves, one virtual second a
 * second, where somebody watches; else as a log, as fast as it goes.
 */
export async function up(seed: string | undefined, terminal: Terminal): Promise<0 | 1> {
  const mesh = new DemoMesh(seed ?? String(systemRandom.uint32() % 1_000_000))
  terminal.write(
    'There is no archive server yet. This is a simulation: four peers edit one text over a\n' +
      `network that loses frames, splits and heals, and one of them crashes. --seed ${mesh.seed}\n\n`,
  )
  try {
    if (terminal.isLive && terminal.rows > pictureRows) await play(mesh, terminal)
    else await log(mesh, terminal)
  } catch (error) {
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

async function play(mesh: DemoMesh, terminal: Terminal): Promise<void> {
  let isFirst = true
  for (;;) {
    const lines = drawPicture(mesh, terminal.columns, terminal.hasColours)
    // Up to where the last picture began, and clear what is below.
    terminal.write(`${isFirst ? '' : `\u001b[${lines.length}A\u001b[J`}${lines.join('\n')}\n`)
    isFirst = false
    if (mesh.isDone) return
    await terminal.sleep(pictureMs)
    await mesh.run(pictureMs)
  }
}

async function log(mesh: DemoMesh, terminal: Terminal): Promise<void> {
  const undo = mesh.onEvent((what) => terminal.write(`${seconds(mesh).padStart(7)}  ${what}\n`))
  while (!mesh.isDone) await mesh.run(pictureMs)
  undo()
}

function seconds(mesh: DemoMesh): string {
  return `${(mesh.elapsedMs / 1000).toFixed(1)} s`
}
