import { defineConfig } from 'vite'

export default defineConfig({
  // The page may be served from any path.
  base: './',
  build: { target: 'es2022', chunkSizeWarningLimit: 1_500 },
  worker: { format: 'es' },
})
