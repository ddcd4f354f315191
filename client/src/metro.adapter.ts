/** For an app's `metro.config.js`: what Metro has to know to bundle Yjs and Holdfast. */
import { fileURLToPath } from 'node:url'

/** As much of Metro's configuration as is looked at. */
export interface MetroConfig {
  readonly resolver?: { readonly resolveRequest?: ResolveRequest | null | undefined } | undefined
}

/** Of Metro: how a name in an import becomes a file. */
export type ResolveRequest = (
  context: ResolutionContext,
  name: string,
  platform: string | null,
) => Resolution

// Metro's own types say more; what is passed on is theirs.
type ResolutionContext = { readonly resolveRequest: ResolveRequest }
type Resolution =
  | { readonly type: 'sourceFile'; readonly filePath: string }
  | { readonly type: 'empty' }
  | { readonly type: 'assetFiles'; readonly filePaths: readonly string[] }

/**
 * `lib0`, on which Yjs builds, asks in React Native for `isomorphic-webcrypto`, a package of its own
 * that is not installed with it and no longer kept. With this it takes the platform's
 * `crypto.getRandomValues`. All else is resolved as before.
 *
 * @example
 * const { getDefaultConfig } = require('expo/metro-config')
 * const { withHoldfast } = require('@holdfast/client/metro')
 * module.exports = withHoldfast(getDefaultConfig(__dirname))
 */
export function withHoldfast<Config extends MetroConfig>(config: Config): Config {
  const before = config.resolver?.resolveRequest ?? undefined
  const resolveRequest: ResolveRequest = (context, name, platform) => {
    if (name === 'lib0/webcrypto') return { type: 'sourceFile', filePath: webcrypto }
    return (before ?? context.resolveRequest)(context, name, platform)
  }
  return { ...config, resolver: { ...config.resolver, resolveRequest } }
}

const webcrypto = fileURLToPath(new URL('./native/webcrypto.adapter.js', import.meta.url))
