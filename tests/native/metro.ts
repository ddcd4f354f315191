/**
 * Metro, as React Native's own configuration sets it up, on an app in a folder of its own: there is
 * nothing in its `node_modules` but what the app would have installed, as it is published.
 */
import { cp, mkdtemp, realpath, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { cacheFolder } from './install.js'

export interface Bundle {
  /** For a script without modules. */
  readonly code: string
  /** Its files, from the app's folder on, and what each of them imports by which name. */
  readonly modules: ReadonlyMap<string, readonly string[]>
}

/**
 * Bundles an app for Android, as for a release.
 *
 * @param installed what `installNative` made
 * @param app the folder with its sources and its `metro.config.js`
 * @param options `hasOwnConfig` false: that is left out
 */
export async function bundleApp(
  installed: string,
  app: string,
  { hasOwnConfig = true }: { readonly hasOwnConfig?: boolean } = {},
): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-metro-'))
  try {
    await cp(app, folder, { recursive: true })
    await copyPackages(installed, join(folder, 'node_modules'))
    return await bundle(installed, folder, hasOwnConfig)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** As an app's `npm install` would: nothing else is there to be found. */
async function copyPackages(installed: string, place: string): Promise<void> {
  const native = join(installed, 'node_modules')
  const packages: readonly (readonly [name: string, from: string])[] = [
    ...['@holdfast/client', '@holdfast/peer', 'yjs', 'lib0', 'simple-peer', 'react'].map(
      (name) => [name, resolve(root, 'node_modules', name)] as const,
    ),
    ...['@op-engineering/op-sqlite', 'react-native-webrtc', 'base64-js', '@babel/runtime'].map(
      (name) => [name, join(native, name)] as const,
    ),
  ]
  for (const [name, from] of packages) {
    const real = await realpath(from)
    await cp(real, join(place, name), {
      recursive: true,
      filter: (file) => isLookedAt(name, relative(real, file)),
    })
  }
  await cp(resolve(import.meta.dirname, 'stand-ins'), place, { recursive: true })
}

/** Types are not, nor what a workspace has beside what is published. */
function isLookedAt(name: string, path: string): boolean {
  if (/\.(?:map|d\.ts|tsbuildinfo)$/.test(path)) return false
  return !name.startsWith('@holdfast/') || !/^(?:src|node_modules)(?:[\\/]|$)/.test(path)
}

async function bundle(installed: string, folder: string, hasOwnConfig: boolean): Promise<Bundle> {
  const require = createRequire(join(installed, 'package.json'))
  const metro = require('metro') as Metro
  const { getDefaultConfig, mergeConfig } = require('metro-config') as MetroConfig
  const { FileStore } = require('metro-cache') as MetroCache
  const modules = new Map<string, readonly string[]>()
  const own = hasOwnConfig ? ownConfig(folder) : {}
  const reactNatives = mergeConfig(await getDefaultConfig(folder), {
    // As `@react-native/metro-config` has them.
    resolver: {
      resolverMainFields: ['react-native', 'browser', 'main'],
      platforms: ['android', 'ios'],
      unstable_conditionNames: ['react-native'],
    },
    transformer: {
      babelTransformerPath: require.resolve('@react-native/metro-babel-transformer'),
      allowOptionalDependencies: true,
    },
  })
  const config = mergeConfig(reactNatives, own, {
    projectRoot: folder,
    watchFolders: [folder, ...shared.map((name) => join(installed, 'node_modules', name))],
    cacheStores: [new FileStore({ root: join(cacheFolder, 'metro') })],
    fileMapCacheDirectory: folder,
    maxWorkers: 2,
    reporter: { update: () => {} },
    resolver: {
      useWatchman: false,
      nodeModulesPaths: [join(installed, 'node_modules')],
    },
    serializer: {
      getPolyfills: () => [],
      experimentalSerializerHook({ dependencies }: Graph) {
        for (const [path, module] of dependencies) {
          const names = [...module.dependencies.values()].map(({ data }) => data.name)
          modules.set(relative(folder, path), names)
        }
      },
    },
  })
  const { code } = await metro.runBuild(config, {
    entry: 'index.js',
    platform: 'android',
    dev: false,
    minify: false,
    unstable_transformProfile: 'hermes-stable',
  })
  return { code, modules }
}

function ownConfig(folder: string): object {
  return createRequire(join(folder, 'index.js'))('./metro.config.js') as object
}

/** What Metro brings into each bundle itself. */
const shared = ['metro-runtime', '@babel/runtime']
const root = resolve(import.meta.dirname, '../..')

/** As much of Metro as is used. */
interface Metro {
  runBuild(config: object, options: object): Promise<{ readonly code: string }>
}

interface MetroConfig {
  readonly getDefaultConfig: (folder: string) => Promise<object>
  readonly mergeConfig: (...configs: readonly object[]) => object
}

interface MetroCache {
  readonly FileStore: new (options: { readonly root: string }) => object
}

interface Graph {
  readonly dependencies: ReadonlyMap<
    string,
    {
      readonly dependencies: ReadonlyMap<string, { readonly data: { readonly name: string } }>
    }
  >
}
