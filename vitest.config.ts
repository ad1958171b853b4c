// How the tests run: one process per file, one file at a time.
// Holds no scripts; `npm test` is defined in package.json.

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Node 23 and newer: tfjs-node's ops fail without it.
    setupFiles: ['src/compat.ts'],
    // A process of its own for each file: TensorFlow, its registered ops and tfjs's global state end with it.
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // TensorFlow's log: warnings and worse.
    env: { TF_CPP_MIN_LOG_LEVEL: '2' },
    // `npm run test:coverage` fails below the threshold.
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'text-summary', 'json-summary'],
      // A failed test costs no second run.
      reportOnFailure: true,
      thresholds: { lines: 95 },
    },
  },
});
