// Registrations in which one allocation after the other fails, in a process of its own: prints what each said, as one line of JSON.
// Holds no expectations.

import { messageOf } from '../../../src/base/errors.js';
import { loadAddon } from '../../../src/engine/addon.js';
// With TensorFlow, which is looked for.
import '../../support/models.js';

/** What the registration said whose `nth` allocation fails; undefined where it does not come to that. */
function attempt(nth: number): string | undefined {
  const result = loadAddon();
  if (!('addon' in result)) throw new Error(result.reason);
  process.env['SCARCE_MEMORY'] = `${nth}`;
  try {
    result.addon.register();
    return undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    delete process.env['SCARCE_MEMORY'];
  }
}

const said: (string | undefined)[] = [];
// Past the search for TensorFlow it cannot be tried again; a few hundred at most.
for (let nth = 1; nth < 2000; nth += 1) {
  said.push(attempt(nth));
  if (said.at(-1) === undefined || said.at(-1)?.includes('half-way')) break;
}
// The loader goes on working, for other threads too.
const { Worker } = await import('node:worker_threads');
const text = "require('node:worker_threads').parentPort.postMessage(require('node:os').cpus().length > 0)";
const worker = new Worker(text, { eval: true });
const isLoading = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
console.log(JSON.stringify({ said, isLoading }));
