import { defineConfig, type Plugin } from 'vite'

/** Names all files of the page, for the service worker that keeps them. */
function listFiles(): Plugin {
  return {
    name: 'list-files',
    apply: 'build',
    generateBundle(_options, bundle) {
      const source = JSON.stringify(['icon.svg', ...Object.keys(bundle)].toSorted())
      this.emitFile({ type: 'asset', fileName: 'files.json', source })
    },
  }
}

export default defineConfig({
  // The page may be served from any path, and asks nobody else for anything.
  base: './',
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1_500,
    rolldownOptions: {
      input: { page: 'index.html', 'keep-page': 'worker/keep-page.ts' },
      output: {
        // A service worker is looked for under one name, above all that it answers for.
        entryFileNames: ({ name }) =>
          name === 'keep-page' ? '[name].js' : 'assets/[name]-[hash].js',
      },
    },
  },
  worker: { format: 'es' },
  plugins: [listFiles()],
})
