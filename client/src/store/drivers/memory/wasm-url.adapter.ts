/**
 * Where the WebAssembly of sql.js is, in a page or a worker: bundlers find it by this, and lay it
 * beside what they make. Absent in Node, which finds it beside sql.js.
 */
export function wasmUrl(): string | undefined {
  if ('process' in globalThis && globalThis.process.versions?.node !== undefined) return undefined
  return new URL('sql.js/dist/sql-wasm-browser.wasm', import.meta.url).href
}
