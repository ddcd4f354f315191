import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import type { Progress } from '../tools/run.js'
import type { Terminal } from './terminal.adapter.js'

/** 0 done · 1 it failed, or found something wrong · 2 asked for wrongly · 3 in use by another process · 130 stopped. */
export type ExitCode = 0 | 1 | 2 | 3 | 130

/** A command: what it is called, what it takes, what it does. */
export interface Command {
  readonly name: string
  /** What it does, in half a line. */
  readonly summary: string
  /** More of the help text, behind the flags. */
  readonly appendix?: string
  /** Its name may be left out where one of its flags comes first. */
  readonly isUnnamed?: boolean
  /** Names of what stands after it, in order; all are needed. */
  readonly operands: readonly string[]
  readonly flags: readonly Flag[]
  /** What to know before using it; wrapped by hand. */
  readonly about: string
  /** What follows the program's name, and what that does. */
  readonly examples: readonly (readonly [line: string, does: string])[]
  run(given: Given, context: CommandContext): Promise<ExitCode>
}

export interface Flag {
  /** Without the dashes. */
  readonly name: string
  /** Stands for its value in the help; a flag without one is a switch. */
  readonly value?: string
  readonly help: string
  /** What it is when it was not given; of lists, the items stand between commas. */
  readonly env?: string
}

/** What was asked for. */
export interface Given {
  operand(name: string): string
  /** Undefined if neither the words nor the environment say it. */
  value(flag: string): string | undefined
  isOn(flag: string): boolean
}

export interface CommandContext {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly random: Random
  readonly env: Environment
  readonly logger: Logger
  /** Aborted when the person wants it to stop. */
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Something was asked for wrongly: says what, and what was probably meant. */
export class Mistake extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Mistake'
  }
}
