// How tests run in Chromium: the sources as a bundler for browsers takes them, on each backend of tfjs that a page has.
// Where Chromium is, and which tests run: tools/browser/test-browser.mjs.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { browser: replaced } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly browser: Readonly<Record<string, string>>;
};
/** The field `browser` of package.json, said of the sources. */
const sourceOf = (built: string) => join(root, built.replace('dist', 'src').replace(/\.js$/, '.ts'));
const sources = new Map(Object.entries(replaced).map(([from, to]) => [sourceOf(from), sourceOf(to)]));

const { TFJS_EMA_CHROMIUM: executablePath = '/usr/bin/chromium', TFJS_EMA_BACKENDS: backends = 'cpu' } = process.env;
// Without a GPU: WebGL and WebGPU as SwiftShader computes them, pages drawn by it too, without which WebGPU's tensors cannot be read at once.
const args = [
  ...['--no-sandbox', '--ignore-gpu-blocklist', '--enable-gpu-rasterization', '--use-angle=swiftshader'],
  ...['--enable-unsafe-swiftshader', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
  ...['--use-vulkan=swiftshader', '--enable-features=Vulkan'],
];

/** Tests of the facade that need no Node: on every backend, and on CPU backends. */
const CONTRACT = ['engine/contract'];
const FACADE = [
  ...CONTRACT,
  'averages/combination',
  'averages/shadows',
  'callback/line',
  'callback/validate',
  'ema/gradient',
  'tfjs/backend',
  'tfjs/fit-data',
  'validation/measure',
  'validation/ties',
  'validation/trace',
];

export default defineConfig({
  root,
  plugins: [
    {
      name: 'browser-field',
      enforce: 'pre',
      resolveId: (id, importer) =>
        importer === undefined ? undefined : sources.get(join(dirname(importer), id.replace(/\.js$/, '.ts'))),
    },
  ],
  resolve: { alias: { '@tensorflow/tfjs-node': '@tensorflow/tfjs' } },
  optimizeDeps: {
    // Else every import of every program here is looked for.
    noDiscovery: true,
    include: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs-backend-webgpu'],
  },
  test: {
    include: [...FACADE.map((name) => `test/facade/${name}.test.ts`), 'test/browser/*.test.ts'],
    setupFiles: ['test/browser/setup.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    fileParallelism: false,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath, args } }),
      instances: backends.split(',').map((backend) => ({ browser: 'chromium', name: backend, provide: { backend } })),
    },
  },
});
