import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'

/** What lies beside a path that may not exist; nothing if that cannot be seen. */
export function namesBeside(path: string): readonly string[] {
  try {
    return readdirSync(dirname(path))
  } catch {
    return []
  }
}
