/** The system's Chromium, so that nothing it does leaves this machine. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import type { OwnNetwork } from '../real/own-network.js'
import { networkAddress } from './network-address.js'

export interface OpenBrowser {
  readonly browser: Browser
  close(): Promise<void>
}

/** @param network the one that it is in; by default this process's */
export async function openBrowser(network?: OwnNetwork): Promise<OpenBrowser> {
  const path = chromiumPath()
  const place = network === undefined ? hereWithAddress(path) : inside(network, path)
  const browser = await chromium.launch({ executablePath: place.executablePath, args: [...flags] })
  return {
    browser,
    async close() {
      await browser.close()
      place.release()
    },
  }
}

/** This folder, also for who runs what was compiled of it: pages are bundled from their sources. */
export const sourceFolder = resolve(import.meta.dirname.replace(/([\\/])dist([\\/]browser)$/, '$2'))

export function chromiumPath(): string {
  const script = resolve(sourceFolder, '../../scripts/browser.mjs')
  const path = execFileSync(process.execPath, [script, '--find'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return path.trim()
}

interface Place {
  readonly executablePath: string
  readonly release: () => void
}

function hereWithAddress(executablePath: string): Place {
  return { executablePath, release: networkAddress() }
}

/** Playwright starts one file: a script that enters the namespace first. */
function inside(network: OwnNetwork, executablePath: string): Place {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-browser-'))
  const script = join(folder, 'chromium')
  writeFileSync(script, `#!/bin/sh\nexec ${network.enter.join(' ')} '${executablePath}' "$@"\n`)
  chmodSync(script, 0o755)
  return {
    executablePath: script,
    release: () => rmSync(folder, { recursive: true }),
  }
}

export const flags: readonly string[] = [
  // Root, as which CI runs, has no sandbox. The pages are our own.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Loopback alone is enough to reach Node …
  '--allow-loopback-in-peer-connection',
  // … and nothing is multicast to hide an address.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
]
