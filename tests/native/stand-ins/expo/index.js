/** In the place of Expo: an app begins, and is not shown. */
export function registerRootComponent(_component) {}
