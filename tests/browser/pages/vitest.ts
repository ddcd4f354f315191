/**
 * What a contract suite takes from vitest, inside a page: the same matchers, and tests that are
 * collected and run one by one when Node asks. Bundles for pages put it in vitest's place.
 */
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect'
import * as chai from 'chai'

chai.use(JestExtend)
chai.use(JestChaiExpect)
chai.use(JestAsymmetricMatchers)

export const { expect } = chai

interface PageTest {
  readonly title: string
  readonly run: () => void | Promise<void>
}

const tests: PageTest[] = []
const groups: string[] = []

export function describe(title: string, declare: () => void): void {
  groups.push(title)
  declare()
  groups.pop()
}

export function test(title: string, run: () => void | Promise<void>): void {
  tests.push({ title: [...groups, title].join(' › '), run })
}

/** For Node: what there is to run. */
export function titles(): string[] {
  return tests.map(({ title }) => title)
}

/** For Node: runs one test; what went wrong, or undefined. */
export async function run(title: string): Promise<string | undefined> {
  const found = tests.find((test) => test.title === title)
  if (found === undefined) return `there is no test '${title}'`
  try {
    await found.run()
    return undefined
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${error.stack}` : String(error)
  }
}
