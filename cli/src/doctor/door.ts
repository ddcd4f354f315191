/** Where strangers come in: the port, and what they have to show. */
import { createTokenVerifier, isLoopback } from '@holdfast/access'
import { systemClock } from '@holdfast/peer/ports'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { fail, ok, reasonOf, warn, type Finding } from './finding.js'

export function portFinding(host: string, port: number): Promise<Finding> {
  const place = `${host}:${port}`
  const probe = createServer()
  return new Promise((resolve) => {
    probe.once('error', (error: Error & { readonly code?: string }) => {
      resolve(
        error.code === 'EADDRINUSE'
          ? fail('port', `${place} is taken`, 'Stop what listens there, or take another: --port N')
          : fail('port', `${place}: ${error.message}`, 'Take another: --host ADDRESS, --port N'),
      )
    })
    probe.listen(port, host, () => {
      probe.close(() => resolve(ok('port', port === 0 ? `${host}, any` : `${place} is free`)))
    })
  })
}

export interface Keys {
  readonly host: string
  readonly open: boolean
  readonly secret: string | undefined
  readonly jwks: string | undefined
}

/** What tokens are held to. Says nothing of the secret itself. */
export function keyFindings({ host, open, secret, jwks }: Keys): readonly Finding[] {
  if (secret === undefined && jwks === undefined) {
    if (isLoopback(host)) return [ok('access', 'this machine alone: no tokens')]
    return open
      ? [
          warn(
            'access',
            `${host} is open: whoever reaches it may read and write everything`,
            'Take it back (no --open), and give a secret: --secret-file FILE',
          ),
        ]
      : [
          fail(
            'access',
            `${host} can be reached by others, and there are no keys for tokens`,
            'Give a secret: --secret-file FILE. openssl rand -base64 48 makes one.',
          ),
        ]
  }
  return secret === undefined ? [] : [secretFinding('secret', secret)]
}

/** Whether public keys can be had, from a file or from where they are published. */
export async function jwksFinding(place: string): Promise<Finding> {
  try {
    await createTokenVerifier({ jwks: place }, systemClock)
    if (/^https?:/.test(place)) {
      const response = await fetch(place, { signal: AbortSignal.timeout(5_000) })
      const { keys } = (await response.json()) as { readonly keys?: unknown }
      if (!response.ok || !Array.isArray(keys)) throw new Error(`no key set (${response.status})`)
    }
    return ok('access', `tokens by the keys of ${place}`)
  } catch (error) {
    return fail(
      'access',
      `the keys of ${place} cannot be had: ${reasonOf(error)}`,
      'Without them no token is good: --jwks takes a JWKS, as a file or at an https: address.',
    )
  }
}

export function secretFinding(subject: string, secret: string, minBytes = minSecretBytes): Finding {
  const bytes = Buffer.byteLength(secret)
  if (bytes < minBytes) {
    return fail(
      subject,
      `it has ${bytes} bytes and needs ${minBytes}`,
      'Make a new one: openssl rand -base64 48',
    )
  }
  return new Set(secret).size < fewLetters
    ? warn(
        subject,
        'it is of few different letters: it can be guessed',
        'Make a new one: openssl rand -base64 48',
      )
    : ok(subject, `${bytes} bytes`)
}

/** What HS256 is held to. */
const minSecretBytes = 32
/** Of 32 random letters in base64 far more are different. */
const fewLetters = 10

/** Whether others on this machine can read the file of a secret. */
export async function secretFileFindings(
  subject: string,
  file: string,
): Promise<readonly Finding[]> {
  // Windows has no such bits.
  if (process.platform === 'win32') return []
  const { mode } = await stat(file)
  if ((mode & 0o077) === 0) return []
  const rights = (mode & 0o777).toString(8)
  return [
    warn(
      subject,
      `others can read or change ${file} (${rights})`,
      `For its owner alone: chmod 600 ${file}`,
    ),
  ]
}
