/** A Chromium with a profile that outlives it, and that can be killed as a power cut kills it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type BrowserContext } from 'playwright-core'
import { chromiumPath, flags } from './chromium.js'

export class Profile {
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-profile-'))
  #child: ChildProcess | undefined

  /** Starts the browser on this profile. */
  async start(): Promise<BrowserContext> {
    const child = spawn(
      chromiumPath(),
      [
        ...flags,
        '--headless=new',
        '--remote-debugging-port=0',
        `--user-data-dir=${this.#folder}`,
        'about:blank',
      ],
      // A group of its own: the kill takes all of its processes at once.
      { detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#child = child
    const browser = await chromium.connectOverCDP(await addressOf(child))
    const [context] = browser.contexts()
    if (context === undefined) throw new Error('a browser without a profile')
    return context
  }

  /** SIGKILL to everything of it, at once. Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined) return
    this.#child = undefined
    const gone = once(child, 'close')
    process.kill(-child.pid, 'SIGKILL')
    await gone
  }

  async close(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.once('close', () => reject(new Error(`the browser did not start: ${said}`)))
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-10_000)
      const address = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
      if (address !== undefined) resolve(address)
    })
  })
}
