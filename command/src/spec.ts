import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import type { Terminal } from './terminal.adapter.js'

/** 0 done · 1 it failed, or found something wrong · 2 asked for wrongly · 3 in use by another process · 130 stopped. */
export type ExitCode = 0 | 1 | 2 | 3 | 130

/** A program: what the shell calls it, and what it can be told to do. */
export interface Program {
  readonly name: string
  /** What it is, in half a line. */
  readonly summary: string
  readonly commands: readonly Command[]
  /** Sections of a configuration file that only other programs read. */
  readonly otherSections?: readonly string[]
  /** More of the help text. */
  readonly appendix?: string
  /** What an error that was to be expected comes to in a command; undefined for all others. */
  failureOf(error: unknown, command: Command | undefined): Failure | undefined
}

export interface Failure {
  readonly exitCode: ExitCode
  /** What to do about it, where that is not in the error's message. */
  readonly advice?: string
}

/** A command: what it is called, what it takes, what it does. */
export interface Command {
  readonly name: string
  /** What its part of a configuration file is called. Default: its name. */
  readonly section?: string
  /** What it does, in half a line. */
  readonly summary: string
  /** More of the help text, behind the flags. */
  readonly appendix?: string
  /** Its name may be left out: where one of its flags comes first, or always. Default: never. */
  readonly mayOmitName?: 'never' | 'before-its-flags' | 'always'
  /** Names of what stands after it, in order; all are needed. */
  readonly operands: readonly string[]
  readonly flags: readonly Flag[]
  readonly secrets?: readonly Secret[]
  /** What to know before using it; wrapped by hand. */
  readonly about: string
  /** What follows the program's name, and what that does. */
  readonly examples: readonly (readonly [line: string, does: string])[]
  run(given: Given, context: CommandContext): Promise<ExitCode>
}

export interface Flag {
  /** Without the dashes; in a configuration file it is the key. */
  readonly name: string
  /** Stands for its value in the help; a flag without one is a switch. */
  readonly value?: string
  /** May be given several times; if it has a variable, commas separate, too. */
  readonly isList?: boolean
  readonly help: string
  /** The variable of the environment that says it, too. */
  readonly env?: string
  /** What it is when nobody says it. */
  readonly default?: string
}

/** Never a flag, because command lines can be read by everybody on the machine. */
export interface Secret {
  readonly name: string
  /** The variable that holds it. */
  readonly env: string
  /** The flag that names a file with it. */
  readonly fileFlag: string
}

/** What was asked for: by flag, else by the environment, else by the file, else by default. */
export interface Given {
  operand(name: string): string
  /** Undefined if nothing says it. */
  value(flag: string): string | undefined
  list(flag: string): readonly string[] | undefined
  isOn(flag: string): boolean
  /** Undefined if nothing says it. Rejects with a `Mistake` if its file cannot be read. */
  secret(name: string): Promise<string | undefined>
  /** What it is called where it was said: `--port`, `HOLDFAST_PORT`, `port in holdfast.config.json`. */
  nameOf(flag: string): string
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

/** How far a command is with one of its steps. */
export interface Progress {
  /** What it does, as in "checking rows". */
  readonly step: string
  readonly done: number
  /** Of the same things as `done`; may still grow. 0 if it cannot be known. */
  readonly total: number
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Something was asked for wrongly: says what, and what was probably meant. */
export class Mistake extends Error {
  /** Whose help says more. */
  command: Command | undefined
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Mistake'
  }
}
