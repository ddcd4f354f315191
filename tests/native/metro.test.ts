/** Apps for React Native, through Metro and Hermes' compiler. What only a phone shows is not tested. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { compilerFolder, installNative } from './install.js'
import { bundleApp, type Bundle } from './metro.js'

const installed = await installNative()
const impossible = 'impossible' in installed ? installed.impossible : undefined
if (impossible !== undefined) console.info(`Metro and Hermes are not tested: ${impossible}`)
const compiler = compilerFolder()
if (compiler === undefined) {
  console.info(`Hermes' compiler is not tested: there is none for ${process.platform}`)
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-bundles-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe.skipIf(impossible !== undefined)('an app for React Native', async () => {
  if (!('folder' in installed)) return
  const sync = await bundleApp(installed.folder, app('sync'))
  const expo = await bundleApp(
    installed.folder,
    resolve(import.meta.dirname, '../../examples/native'),
  )

  test('[NATIVE-1] holds nothing of Node and nothing of browsers, and each library once', () => {
    const files = [...sync.modules.keys()]
    expect(files).toContain('node_modules/@holdfast/client/dist/native.js')
    expect(files).toContain('node_modules/simple-peer/simplepeer.min.js')
    expect(strangersIn(sync)).toEqual([])
    expect(files.filter((file) => file.startsWith('node_modules/yjs/'))).toEqual([
      'node_modules/yjs/dist/yjs.mjs',
    ])
    expect(files.filter((file) => file.startsWith('node_modules/lib0/dist/'))).toEqual([])
  })

  test('[NATIVE-4] calls nothing that Hermes, or React Native, does not have', () => {
    expect(missingInHermes(sync)).toEqual([])
    expect(missingInHermes(expo)).toEqual([])
  })

  test('[NATIVE-1] is not made of the entry of another platform', async () => {
    const stopped = bundleApp(installed.folder, app('node'))
    // At whichever it meets first: something of Node, or a module that is named at run time.
    await expect(stopped).rejects.toThrow(/Unable to resolve module node:|node-platform\.adapter/)
    expect(strangersIn(await bundleApp(installed.folder, app('browser')))).toContain(
      'node_modules/@holdfast/client/dist/store/drivers/sql-js/browser-driver.adapter.js',
    )
  })

  test('[NATIVE-2] stops Metro where its configuration does not know Yjs’ random numbers', async () => {
    const stopped = bundleApp(installed.folder, app('sync'), { hasOwnConfig: false })
    await expect(stopped).rejects.toThrow('Unable to resolve module isomorphic-webcrypto')
  })

  test('[NATIVE-10] [NATIVE-1] with Expo, hooks and react-native-webrtc holds nothing strange either', () => {
    const files = [...expo.modules.keys()]
    expect(files).toContain('node_modules/react-native-webrtc/src/index.ts')
    expect(files).toContain('node_modules/@holdfast/client/dist/react.js')
    expect(strangersIn(expo)).toEqual([])
  })

  // The Expo app has all that the tiny one has.
  test.skipIf(compiler === undefined)(
    '[NATIVE-3] [NATIVE-10] is compiled by Hermes’ compiler',
    () => {
      const [source, out] = [join(folder, 'expo.js'), join(folder, 'expo.hbc')]
      writeFileSync(source, expo.code)
      const hermesc = join(installed.folder, 'node_modules/hermes-compiler/hermesc')
      const args = ['-emit-binary', '-O', '-w', '-out', out, source]
      execFileSync(join(hermesc, compiler ?? '', 'hermesc'), args)
      const { size } = statSync(out)
      console.info(`${Math.round(size / 1024)} KiB of Hermes' bytecode`)
      expect(size).toBeGreaterThan(100_000)
    },
  )
})

function app(name: string): string {
  return resolve(import.meta.dirname, 'apps', name)
}

/** Calls, anywhere in the bundle. */
function missingInHermes({ code }: Bundle): readonly string[] {
  return [
    ...code.matchAll(
      /\.toSorted\(|Object\.hasOwn\(|\.groupBy\(|\.withResolvers\(|\.fromAsync\(|\.throwIfAborted\(|AbortSignal\.\w+\(|\.isWellFormed\(|structuredClone\(/g,
    ),
  ].map(([call]) => call)
}

/** Files that have no place in React Native, and imports of Node. */
function strangersIn({ modules }: Bundle): readonly string[] {
  const found = new Set<string>()
  for (const [file, imports] of modules) {
    if (strange.test(file)) found.add(file)
    for (const name of imports) if (name.startsWith('node:')) found.add(name)
  }
  return [...found]
}

const strange =
  /node_modules\/(?:ws|better-sqlite3|sql\.js|@roamhq|y-protocols|isomorphic-webcrypto)\/|\.wasm$|\/drivers\/(?:sql-js|node|memory)\/|[/-]worker\b|@holdfast\/client\/dist\/(?:browser|node)\.js$|\/client\/(?:browser|node)-/
