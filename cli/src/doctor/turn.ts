/** Whether TURN servers answer, and take our credentials. */
import { createHmac } from 'node:crypto'
import { fail, ok, reasonOf, type Finding } from './finding.js'
import { allocate, parseTurnUrl } from './turn-client.js'

export async function turnFinding(
  text: string,
  secret: string | undefined,
  nowMs: number,
): Promise<Finding> {
  const url = parseTurnUrl(text)
  if (url === undefined) {
    return fail(
      'TURN',
      `'${text}' is no TURN address`,
      'As in: turn:turn.example.org:3478?transport=udp',
    )
  }
  if (secret === undefined) {
    return fail(
      'TURN',
      `${text} has no secret`,
      "Give coturn's static-auth-secret: --turn-secret-file FILE or HOLDFAST_TURN_SECRET",
    )
  }
  const username = `${Math.floor(nowMs / 1000) + 300}:holdfast-doctor`
  const password = createHmac('sha1', secret).update(username).digest('base64')
  try {
    const answer = await allocate(url, { username, password })
    if (answer === 'allocated') return ok('TURN', `${text} answers, and takes the secret`)
    return fail(
      'TURN',
      `${text} answers, and refuses the secret (${answer})`,
      "The secret has to be coturn's static-auth-secret, with use-auth-secret; and its clock has to be right.",
    )
  } catch (error) {
    return fail(
      'TURN',
      `${text} does not answer: ${reasonOf(error)}`,
      'Is it running, and does the firewall let its port through?',
    )
  }
}
