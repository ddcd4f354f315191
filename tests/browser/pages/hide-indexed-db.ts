/** As in a private window that has none. */
Object.defineProperty(globalThis, 'indexedDB', { value: undefined })
