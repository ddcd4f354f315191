/** Whether the archive's disk takes bytes, asked of the disk itself. */
import { mkdir, open, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Makes the folder, and those above it, unless it is there. Not by Node's own `recursive`: that
 * tries for ever where a file system says of a new folder that there is none, as `/proc` does.
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeOne(folder)
  } catch (error) {
    const above = dirname(folder)
    if (codeOf(error) !== 'ENOENT' || above === folder) throw error
    await makeFolder(above)
    await makeOne(folder)
  }
}

/** Writes a few bytes beside the log, down to the disk, and removes them. Rejects if it cannot. */
export async function probeDisk(folder: string): Promise<void> {
  const file = join(folder, '.probe')
  const handle = await open(file, 'w')
  try {
    await handle.write(probe)
    await handle.sync()
  } finally {
    await handle.close()
    await rm(file, { force: true })
  }
}

/** Bytes that the file system of the folder still takes. */
export async function freeBytesAt(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    if (!(await stat(folder)).isDirectory()) {
      throw new Error(`${folder} is a file`, { cause: error })
    }
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** As much as one page of the log. */
const probe = new Uint8Array(4_096)
