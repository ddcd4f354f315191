import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { OpSqlite } from '@holdfast/client/native'
import { build } from 'vite'

/**
 * op-sqlite's React Native JavaScript, bundled much as Metro would, over whatever native proxy is there.
 *
 * @param folder where it is installed
 */
export async function loadOpSqlite(folder: string): Promise<OpSqlite> {
  const out = mkdtempSync(join(tmpdir(), 'holdfast-op-sqlite-'))
  await build({
    configFile: false,
    logLevel: 'error',
    resolve: {
      alias: { 'react-native': resolve(import.meta.dirname, 'stand-ins/react-native/index.js') },
    },
    define: { global: 'globalThis' },
    build: {
      outDir: out,
      emptyOutDir: false,
      minify: false,
      lib: {
        entry: join(folder, 'node_modules/@op-engineering/op-sqlite/lib/module/index.js'),
        formats: ['es'],
        fileName: 'op-sqlite',
      },
    },
  })
  return (await import(pathToFileURL(join(out, 'op-sqlite.js')).href)) as OpSqlite
}
