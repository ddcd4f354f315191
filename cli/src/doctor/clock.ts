import { fail, ok, type Finding } from './finding.js'

/** Whether the time can be true at all: tokens are good or not by it. */
export function clockFinding(nowMs: number): Finding {
  const said = Number.isFinite(nowMs) ? new Date(nowMs).toISOString() : String(nowMs)
  return nowMs > earliestMs && nowMs < latestMs
    ? ok('clock', said)
    : fail('clock', `${said} cannot be true`, 'Set the clock (NTP): no token is good at that time.')
}

/** When this was written. */
const earliestMs = Date.UTC(2025, 0, 1)
const latestMs = Date.UTC(2100, 0, 1)
