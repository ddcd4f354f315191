#!/usr/bin/env node
/** The command `holdfast`. Loads nothing before it knows that Node can. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `holdfast needs Node 20.19 or newer; this is ${process.versions.node}. See https://nodejs.org\n`,
  )
  process.exit(2)
}
const { start } = await import('./start.js').catch((error: unknown) => {
  const { code, message } = error as { readonly code?: string; readonly message?: string }
  if (code !== 'ERR_MODULE_NOT_FOUND') throw error
  process.stderr.write(
    `holdfast: a part of it is missing: ${message ?? ''}\nInstall it again: npm ci, or npm install.\n`,
  )
  process.exit(1)
})
await start()
