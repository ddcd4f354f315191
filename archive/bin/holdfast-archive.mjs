#!/usr/bin/env node
// The command, once it is built. In a checkout npm links this file before there is anything else to link.
import { existsSync } from 'node:fs'

const program = new URL('../dist/main.js', import.meta.url)
if (existsSync(program)) await import(program.href)
else {
  process.stderr.write(
    'holdfast-archive is not built yet: npm run build (npm start does it by itself)\n',
  )
  process.exitCode = 2
}
