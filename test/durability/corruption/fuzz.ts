// A program: reads hostile files for so many seconds, and ends with an error at the first that does what none may do.
// Makes no files: arbitraries, forgeries. Arguments: seconds, seed. Prints a line of figures now and then.

import fc from 'fast-check';
import { EmaError } from '../../../src/base/errors.js';
import { decodeCheckpoint, openCheckpoint } from '../../../src/disk/checkpoint.js';
import { decodeSafetensors, type StoredContent } from '../../../src/disk/safetensors.js';
import { headers, layouts, spoilt } from './arbitraries.js';
import { OPTIONS, SHADOW } from './files.js';
import { forgeries } from './forgeries.js';

const seconds = Number(process.argv[2]);
const seed = Number(process.argv[3]);

/** Files of one batch, which a seed gives again. */
const BATCH = 200;
/** No file here is larger than a few hundred kilobytes: reading it is a matter of milliseconds. */
const MAX_CPU_SECONDS = 2;

const shared = [Object, Array, Map, String, Number, Uint8Array, EmaError].map(({ prototype }) => prototype);
const keysOf = () => shared.map((prototype) => Reflect.ownKeys(prototype).map(String).join()).join(';');
const untouched = keysOf();

const figures = { files: 0, decoded: 0, loaded: 0, largest: 0, batches: 0 };

/** Runs a reader; undefined where it refused, as it must: with one error only. */
function unlessRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof EmaError && error.code === 'CHECKPOINT') return undefined;
    throw error;
  }
}

/** Whether JSON.parse, which checks nothing, finds in a header what our reader found, and every byte has one owner. */
function agrees(file: Uint8Array, { tensors, metadata }: StoredContent): boolean {
  const begin = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const { __metadata__: texts = {}, ...entries } = JSON.parse(new TextDecoder().decode(file.subarray(8, begin)));
  if (JSON.stringify(Object.entries(texts).sort()) !== JSON.stringify([...metadata].sort())) return false;
  if (Object.keys(entries).length !== tensors.size) return false;
  let bytes = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    const { data_offsets: offsets, ...rest } = Object.getOwnPropertyDescriptor(entries, name)?.value ?? {};
    if (rest.dtype !== dtype || JSON.stringify(rest.shape) !== JSON.stringify(shape)) return false;
    const stored = file.subarray(begin + offsets[0], begin + offsets[1]);
    if (Buffer.compare(stored, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) !== 0) return false;
    bytes += data.byteLength;
  }
  return begin + bytes === file.length;
}

function check(file: Uint8Array): void {
  const began = process.cpuUsage();
  const content = unlessRefused(() => decodeSafetensors(file));
  if (content !== undefined && !agrees(file, content)) throw new Error('JSON.parse reads another header');
  const checkpoint = unlessRefused(() => decodeCheckpoint(openCheckpoint(file), SHADOW, OPTIONS));
  const { user, system } = process.cpuUsage(began);
  if (user + system > MAX_CPU_SECONDS * 1e6) throw new Error(`reading took ${(user + system) / 1e6} s`);
  if (keysOf() !== untouched) throw new Error('a prototype was changed');
  figures.files += 1;
  if (content !== undefined) figures.decoded += 1;
  if (checkpoint !== undefined) figures.loaded += 1;
  figures.largest = Math.max(figures.largest, file.length);
}

const begin = performance.now();
let base = 0;
while (performance.now() - begin < seconds * 1000) {
  for (const files of [spoilt, headers, layouts, forgeries]) {
    fc.assert(fc.property(files, check), { seed: seed + figures.batches, numRuns: BATCH });
    figures.batches += 1;
  }
  // Kilobytes; what the first batches take is the program itself.
  const peak = process.resourceUsage().maxRSS * 1024;
  if (performance.now() - begin < Math.min(10, seconds / 4) * 1000 || base === 0) base = peak;
  console.log(
    JSON.stringify({ ...figures, growth: peak - base, seconds: Math.round((performance.now() - begin) / 1000) }),
  );
}
