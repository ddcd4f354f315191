import { readFile } from 'node:fs/promises'
import { Mistake } from './spec.js'

/** What a file of one secret holds. Editors end files with a line feed that nobody meant. */
export async function textOfFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trimEnd()
  } catch (cause) {
    const mistake = new Mistake(`The file '${file}' cannot be read.`)
    mistake.cause = cause
    throw mistake
  }
}
