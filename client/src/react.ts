/** Hooks for React, which the app installs; in the browser and in React Native alike. */
export { useDocument, type UsedDocument } from './react/use-document.js'
export { usePresence, type Presence, type Present, type Shown } from './react/use-presence.js'
export { useStatus } from './react/use-status.js'
