/** The system's Chromium, so that nothing it does leaves this machine. */
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import { networkAddress } from './network-address.js'

export interface OpenBrowser {
  readonly browser: Browser
  close(): Promise<void>
}

export async function openBrowser(): Promise<OpenBrowser> {
  const script = resolve(import.meta.dirname, '../../scripts/browser.mjs')
  const path = execFileSync(process.execPath, [script, '--find'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const releaseAddress = networkAddress()
  const browser = await chromium.launch({ executablePath: path.trim(), args: flags })
  return {
    browser,
    async close() {
      await browser.close()
      releaseAddress()
    },
  }
}

const flags = [
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
