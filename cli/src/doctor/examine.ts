/** Everything that the doctor looks at, in the order in which it would stop a start. */
import { clockFinding } from './clock.js'
import { diskFindings, type DiskFigures } from './disk.js'
import { jwksFinding, keyFindings, portFinding, secretFileFindings, secretFinding } from './door.js'
import { fail, type Finding } from './finding.js'
import { nodeFinding, sqliteFinding, webRtcFinding } from './programs.js'
import { turnFinding } from './turn.js'

/** What `holdfast up` would be started with. */
export interface Plan {
  readonly data: string
  readonly host: string
  readonly port: number
  readonly open: boolean
  readonly secret: string | undefined
  readonly secretFile: string | undefined
  readonly jwks: string | undefined
  readonly turn: readonly string[]
  readonly turnSecret: string | undefined
  readonly turnSecretFile: string | undefined
  /** Why a secret that was meant could not be read; of these there is no secret here. */
  readonly unreadable: readonly string[]
}

/** What it stands on. */
export interface Ground {
  readonly nodeVersion: string
  /** Throws if its native module does not load. */
  readonly sqliteVersion: () => string
  /** Whether it is there; rejects if it is and does not load. */
  readonly loadWebRtc: () => Promise<boolean>
  /** Rejects if the folder takes no file. */
  readonly measureDisk: (folder: string) => Promise<DiskFigures>
  readonly nowMs: number
}

export async function examine(plan: Plan, ground: Ground): Promise<readonly Finding[]> {
  const sqlite = sqliteFinding(ground.sqliteVersion)
  const disk = diskFindings(plan.data, ground.nowMs, ground.measureDisk)
  return [
    nodeFinding(ground.nodeVersion),
    sqlite,
    await webRtcFinding(ground.loadWebRtc),
    clockFinding(ground.nowMs),
    // Without SQLite the log cannot be looked into, and that has been said.
    ...(sqlite.level === 'ok'
      ? await disk
      : (await disk).filter(({ subject }) => !ofLog.has(subject))),
    await portFinding(plan.host, plan.port),
    ...plan.unreadable.map((why) =>
      fail('secret', why, 'Name a file that is there, and that this user can read.'),
    ),
    ...(plan.unreadable.length > 0 ? [] : keyFindings(plan)),
    ...(plan.jwks === undefined ? [] : [await jwksFinding(plan.jwks)]),
    ...(plan.secretFile === undefined || plan.secret === undefined
      ? []
      : await secretFileFindings('secret', plan.secretFile)),
    ...(plan.turn.length === 0 || plan.turnSecret === undefined
      ? []
      : [secretFinding('TURN secret', plan.turnSecret, coturnSecretBytes)]),
    ...(plan.turnSecretFile === undefined || plan.turnSecret === undefined
      ? []
      : await secretFileFindings('TURN secret', plan.turnSecretFile)),
    ...(await Promise.all(plan.turn.map((url) => turnFinding(url, plan.turnSecret, ground.nowMs)))),
  ]
}

const ofLog = new Set(['lock', 'log'])
/** coturn takes any; below this it can be guessed from one credential that was seen. */
const coturnSecretBytes = 16
