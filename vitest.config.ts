import { defineConfig } from 'vitest/config'

// Tests import the packages as users do, by name and built: `npm test` compiles first.
export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // WebRTC for Node aborts the process on worker threads, so every test file gets a process.
    pool: 'forks',
    testTimeout: 60_000,
  },
})
