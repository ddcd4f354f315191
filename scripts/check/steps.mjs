import { spawn } from 'node:child_process'
import { delimiter, resolve } from 'node:path'

/**
 * Runs each step's command in turn, whatever became of the ones before, and prints a table of what
 * passed and how long it took. A step that `says` something prints as it goes; the others only
 * when they fail.
 *
 * @param {readonly { name: string, command: string, says?: boolean }[]} steps
 * @returns {Promise<boolean>} whether all of them passed
 */
export async function runSteps(steps) {
  const results = []
  for (const { name, command, says = false } of steps) {
    console.log(`· ${name}: ${command}`)
    const startedMs = performance.now()
    const { passed, output } = await run(command, says)
    if (!passed && !says) process.stdout.write(output)
    results.push({ name, passed, seconds: (performance.now() - startedMs) / 1000 })
  }
  console.log()
  for (const { name, passed, seconds } of results) {
    console.log(
      `${passed ? 'passed' : 'FAILED'}  ${name.padEnd(10)}${seconds.toFixed(1).padStart(7)} s`,
    )
  }
  return results.length > 0 && results.every(({ passed }) => passed)
}

/** Runs one command line, with the project's own tools first on the path. */
function run(command, says) {
  const tools = resolve(import.meta.dirname, '../../node_modules/.bin')
  const child = spawn(command, {
    shell: true,
    stdio: says ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${tools}${delimiter}${process.env.PATH}` },
  })
  const chunks = []
  child.stdout?.on('data', (chunk) => chunks.push(chunk))
  child.stderr?.on('data', (chunk) => chunks.push(chunk))
  return new Promise((done) => {
    child.on('error', (error) => done({ passed: false, output: `${error.message}\n` }))
    child.on('close', (code) =>
      done({ passed: code === 0, output: Buffer.concat(chunks).toString() }),
    )
  })
}
