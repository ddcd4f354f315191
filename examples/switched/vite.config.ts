import { defineConfig } from 'vite'

export default defineConfig({
  base: './',
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1_500,
    rolldownOptions: { input: { before: 'before.html', after: 'index.html' } },
  },
  worker: { format: 'es' },
})
