import { readFile } from 'node:fs/promises'
import { Mistake } from './spec.js'

/** What a file of one secret holds. Editors end files with a line feed that nobody meant. */
export async function textOfFile(file: string, called: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trimEnd()
  } catch (cause) {
    throw new Mistake(`${called}: ${file} cannot be read.`, { cause })
  }
}

/** What a configuration file holds; undefined if it is not there and may be missing. */
export async function configText(file: string, mayBeMissing: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const isMissing = (cause as { readonly code?: string }).code === 'ENOENT'
    if (isMissing && mayBeMissing) return undefined
    throw new Mistake(`The configuration file ${file} cannot be read.`, { cause })
  }
}
