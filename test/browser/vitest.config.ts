// How tests run in Chromium: the sources as a bundler for browsers takes them, on each backend of tfjs that a page has; and the live page.
// Finds no Chromium: tools/browser/test-browser.mjs does.

import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { browserField } from '../../tools/shared/browser-field.js';
import { chromiumArgs } from './chromium.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { TFJS_EMA_CHROMIUM: executablePath = '/usr/bin/chromium' } = process.env;

/** The engine's contract, and what else of the facade needs no Node. */
const CONTRACT = ['engine/contract'];
const FACADE = [
  ...[...CONTRACT, 'averages/combination', 'averages/shadows', 'callback/line', 'callback/validate', 'ema/gradient'],
  ...['tfjs/backend', 'tfjs/fit-data', 'validation/measure', 'validation/ties', 'validation/trace'],
];
// Where each number that is read takes milliseconds, the contract must do.
const BACKENDS = { cpu: FACADE, wasm: FACADE, webgl: FACADE, webgpu: CONTRACT };

const minutes = 60_000;
const timeouts = { testTimeout: 10 * minutes, hookTimeout: 10 * minutes };
// A test that needs more says so in its name: as in tools/release/test-plain-tfjs.mjs.
const testNamePattern = /^(?!.*(native|tfjs-node|TensorFlow|engine\(\)\.reset))/;
const common = { ...timeouts, testNamePattern, setupFiles: ['test/browser/setup.ts'] };

/** Tests in a page on one backend. */
const page = (
  backend: string,
  include: readonly string[],
  { args, order }: { readonly args: string[]; readonly order: number },
) => ({
  root,
  plugins: [browserField()],
  resolve: {
    alias: {
      '@tensorflow/tfjs-node': '@tensorflow/tfjs',
      'tfjs-ema': fileURLToPath(new URL('../../src/index.ts', import.meta.url)),
    },
  },
  optimizeDeps: {
    // Else every import of every program here is looked for.
    noDiscovery: true,
    include: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs-backend-webgpu'],
  },
  test: {
    ...common,
    // One browser after the other: a simulated GPU takes all cores.
    sequence: { groupOrder: order },
    name: `page ${backend}`,
    // A simulated WebGPU on a busy machine reads zeros now and then, which attach refuses.
    retry: backend === 'webgpu' ? 2 : 0,
    include: [...include],
    provide: { backend: backend.replace(/-.*/, '') },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath, args } }),
      instances: [{ browser: 'chromium' as const, name: backend }],
    },
  },
});

export default defineConfig({
  root,
  test: {
    maxWorkers: 1,
    fileParallelism: false,
    projects: [
      ...Object.entries(BACKENDS).map(([backend, facade], order) => {
        const files = facade.map((name) => `test/facade/${name}.test.ts`);
        return page(backend, [...files, 'test/browser/*.test.ts'], { args: chromiumArgs(), order });
      }),
      page('webgpu-composed-by-the-cpu', ['test/browser/unreadable/*.test.ts'], {
        args: chromiumArgs({ isComposedByGpu: false }),
        order: 10,
      }),
      {
        root,
        test: { ...timeouts, name: 'live', include: ['test/browser/live/*.test.ts'], sequence: { groupOrder: 11 } },
      },
    ],
  },
});
