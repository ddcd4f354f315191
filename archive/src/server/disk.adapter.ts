/** Whether the archive's disk takes bytes, asked of the disk itself. */
import { mkdir, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

/** Makes the folder, and those above it, unless it is there. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
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

/** As much as one page of the log. */
const probe = new Uint8Array(4_096)
