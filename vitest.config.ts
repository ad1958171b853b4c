// How the tests run: a process per file; those of `npm test` two side by side, the others one after the other.
// Holds no scripts: `npm test` and its like are in package.json.

import { defineConfig } from 'vitest/config';

/** A folder of test/ as a project of its own: `vitest --project unit`. */
const project = (name: string, { workers }: { readonly workers: number }) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], maxWorkers: workers, sequence: { groupOrder: workers } },
});

// The tests on another tfjs than tfjs-node: tools/release/test-tfjs.mjs.
const { TFJS_EMA_TFJS: otherTfjs } = process.env;

export default defineConfig({
  resolve: { alias: otherTfjs === undefined ? {} : { '@tensorflow/tfjs-node': otherTfjs } },
  test: {
    // Node 23 and newer: tfjs-node's ops fail without it.
    setupFiles: ['src/compat.ts'],
    // A process of its own for each file: TensorFlow, its registered ops and tfjs's global state end with it.
    pool: 'forks',
    // For what hangs: on a machine that does much else a test of seconds may take minutes.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // TensorFlow's log: warnings and worse.
    env: { TF_CPP_MIN_LOG_LEVEL: '2' },
    projects: [
      // What is run often, on two cores; the rest keeps machine and memory busy by itself.
      ...['unit', 'facade', 'native'].map((name) => project(name, { workers: 2 })),
      ...['durability', 'project', 'study'].map((name) => project(name, { workers: 1 })),
    ],
    // Coverage fails below the threshold.
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
