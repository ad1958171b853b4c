// Checkpoints that the fuzzer feeds: their digests hold, so what is in them is read in earnest.
// Reads nothing, and judges nothing.

import fc from 'fast-check';
import { decodeSafetensors, type StoredTensor } from '../../../src/disk/safetensors.js';
import { forged, goodCheckpoint } from './files.js';
import { NUMBERS, seldom, value } from './texts.js';

/** Members that are usual, but for some. */
const record = (usual: Readonly<Record<string, string>>, others: readonly string[] = []) => {
  const names = [...Object.keys(usual), '__proto__', 'toString'];
  const texts = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...Object.values(usual), ...others) }, value);
  return fc.array(fc.tuple(fc.constantFrom(...names), fc.option(texts)), { maxLength: 2 }).map((changes) => {
    const all = [...new Map([...Object.entries(usual), ...changes])].filter(([, text]) => text !== null);
    return `{${all.map(([key, text]) => `"${key}":${text}`).join()}}`;
  });
};
const usualStanding = { steps: '3', pending: '0', updates: '3', intervals: '[[1,3]]', current: '1', monitor: '"loss"' };
const standing = record(usualStanding, [
  ...['[[1,1],[1,2]]', '[[2,1]]', '[[1,9007199254740991]]', '[]', '9007199254740991'],
  ...NUMBERS,
]);
const best = record({
  metric: '"loss"',
  value: '1',
  epoch: '0',
  index: '0',
  mode: '"max"',
  hasWeights: 'true',
  tied: '{"averages":[0]}',
});
const { settings: usualSettings = '{}' } = Object.fromEntries(decodeSafetensors(goodCheckpoint()).metadata);
const settings = record(
  Object.fromEntries(Object.entries(JSON.parse(usualSettings)).map(([key, own]) => [key, JSON.stringify(own)])),
);
const weights = record({ 'in/kernel': '"[4, 8]"', 'in/bias': '"[8]"' }, ['{"toString":1}', '{"toJSON":1}']);
const tensors = fc.tuple(
  fc.constantFrom('average.0/in/kernel', 'average.1/in/bias', 'best.loss/in/bias', '__proto__'),
  fc.constantFrom<StoredTensor | undefined>(
    undefined,
    { dtype: 'F32', shape: [8], data: new Float32Array(8) },
    { dtype: 'F32', shape: [8, 4], data: new Float32Array(32) },
    { dtype: 'I32', shape: [8], data: new Int32Array(8) },
    { dtype: 'U8', shape: [0], data: new Uint8Array(0) },
  ),
);
const forgery = (arbitrary: fc.Arbitrary<string>) => seldom(3, fc.oneof({ weight: 4, arbitrary }, value));

/** Half a character, which no file can hold. */
const HALF = /\p{Surrogate}/u;

/** Checkpoints whose digests hold: what is in them is read in earnest. */
export const forgeries = fc
  .record({
    standing: forgery(standing),
    bests: forgery(fc.array(best, { maxLength: 3 }).map((all) => `[${all.join()}]`)),
    weights: forgery(weights),
    settings: forgery(settings),
    version: seldom(20, fc.constantFrom('2', '', '1 ')),
    other: seldom(4, tensors),
  })
  .map(({ version, other, ...texts }) => {
    const given = Object.fromEntries(
      Object.entries(texts).filter(([, text]) => text !== undefined && !HALF.test(text)),
    );
    return forged(
      version === undefined ? given : { ...given, 'tfjs-ema': version },
      new Map(other === undefined ? [] : [other]),
    );
  });
