// Checkpoints that are damaged or want to do harm: every bit, every length, hand-made ones, and a fuzzer; an hour with EMA_LONG=1.
// The grammar of one file's header, case by case: safetensors.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeCheckpoint } from '../../src/disk/checkpoint.js';
import { type EmaOptions, WeightEma, type Which } from '../../src/index.js';
import { rejectionOf, thrownBy } from '../support/expect.js';
import { setRandomWeights, tf, valuesOf } from '../support/models.js';
import { bits } from '../support/oracle.js';
import { plainProgram } from '../support/plain-program.js';
import { entryOf, fileOf, forged, goodCheckpoint, LARGE, OPTIONS, SHADOW } from './corruption/files.js';
import { fuzzed } from './corruption/fuzzer-process.js';

const IS_LONG = process.env['EMA_LONG'] === '1';
const FUZZ_SECONDS = Number(process.env['EMA_FUZZ_SECONDS'] ?? (IS_LONG ? 3600 : 20));
/** Every failure names the seed of its batch; the same batches come first in every run. */
const SEED = Number(process.env['EMA_SEED'] ?? (IS_LONG ? Date.now() % 2 ** 31 : 20_240_607));

// A long run may be one of low priority.
vi.setConfig({ testTimeout: IS_LONG ? 3_600_000 : 900_000 });

/** Figures; a long run's report keeps the lines that begin so. */
const say = (text: string): void => console.log(IS_LONG ? `long: ${text}` : text);

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-corruption-'));
const options: EmaOptions = { decays: [0.5, 0.9], updateEvery: 1, onWarning: () => undefined };
const model = tf.sequential({ layers: [tf.layers.dense({ name: 'in', units: 8, inputShape: [4] })] });
let ema: WeightEma;

beforeAll(() => {
  ema = new WeightEma(tf, options).attach(model);
  setRandomWeights(model, 1);
  ema.update();
  ema.record({ epoch: 0, averages: [{ loss: 1 }, { loss: 2 }] }, { keepBest: false });
});

afterAll(() => {
  ema.dispose();
  tf.disposeVariables();
  rmSync(folder, { recursive: true, force: true });
});

/** The values of an average, by weight. */
function averageOf(which: Which): readonly number[][] {
  const tensors = ema.read(which);
  const values = Object.values(valuesOf(tensors)).map((value) => Array.from(bits(value)));
  tf.dispose(tensors);
  return values;
}

/** All that a load may change. */
function stateOf(): string {
  const names: Which[] = [...ema.decays.map((_, index) => ({ index })), 'current'];
  return JSON.stringify([names.map(averageOf), ema.steps, ema.updates, ema.bests, tf.memory().numTensors]);
}

/** Loads files side by side; the messages of the CHECKPOINT errors, which all must give, and which change nothing. */
async function refusals(files: readonly Uint8Array[]): Promise<string[]> {
  const before = stateOf();
  const messages = await Promise.all(
    files.map(async (file, index) => {
      const path = join(folder, `${index}.safetensors`);
      writeFileSync(path, file);
      return (await rejectionOf(ema.loadCheckpoint(path), 'CHECKPOINT')).message;
    }),
  );
  expect(stateOf()).toBe(before);
  return messages;
}

const refusal = async (file: Uint8Array): Promise<string> => (await refusals([file]))[0] ?? '';
const peak = (): number => process.resourceUsage().maxRSS * 1024;

/** A checkpoint of this very average, with a best one. */
async function saved(): Promise<Uint8Array> {
  const other = new WeightEma(tf, options).attach(model);
  setRandomWeights(model, 2);
  other.update();
  other.record({ epoch: 0, averages: [{ loss: 2 }, { loss: 1 }] });
  const path = join(folder, 'saved.safetensors');
  await other.saveCheckpoint(path);
  other.dispose();
  return readFileSync(path);
}

describe('a checkpoint of two kilobytes', () => {
  it('is refused with any single bit changed, in memory that no claim of its header moves', async () => {
    const good = await saved();
    expect(good.length).toBeGreaterThan(1500);
    expect(good.length).toBeLessThan(2500);
    let refused = 0;
    // A flipped bit of the header's length claims up to 2^63 bytes, one of a shape or an offset ten times the tensor.
    let growth = 0;
    for (let place = 0; place < good.length; place += 1) {
      const before = peak();
      const flipped = Array.from({ length: 8 }, (_, bit) =>
        good.map((byte, at) => (at === place ? byte ^ (1 << bit) : byte)),
      );
      refused += (await refusals(flipped)).length;
      if (place > 0) growth = Math.max(growth, peak() - before);
    }
    say(`${refused} flipped bits refused; memory grew by at most ${(growth / 1e6).toFixed(1)} MB at one byte`);
    expect(refused).toBe(8 * good.length);
    // Garbage between two collections; a claim that were believed would be gigabytes.
    expect(growth).toBeLessThan(64e6);
  });

  it('is refused at any other length', async () => {
    const good = await saved();
    const longer = [1, 2, 7, 8, 64, 4096].map((more) => Buffer.concat([good, Buffer.alloc(more)]));
    for (let length = 0; length < good.length; length += 8) {
      const lengths = Array.from({ length: 8 }, (_, more) => length + more).filter((one) => one < good.length);
      await refusals(lengths.map((one) => good.subarray(0, one)));
    }
    await refusals(longer);
  });

  it('is loaded as it was saved: otherwise the refusals above would show nothing', async () => {
    const before = stateOf();
    const path = join(folder, 'good.safetensors');
    writeFileSync(path, await saved());
    await ema.loadCheckpoint(path);
    expect(stateOf()).not.toBe(before);
    expect(ema.bests).toHaveLength(1);
    writeFileSync(path, goodCheckpoint());
    await ema.loadCheckpoint(path);
    expect([ema.steps, ema.updates, ema.bests]).toEqual([3, 3, []]);
    expect(averageOf('current')).toEqual(averageOf({ index: 1 }));
    expect(averageOf('current')).not.toEqual(averageOf({ index: 0 }));
  });
});

const four = new Uint8Array(4);
const deep = '['.repeat(100_000) + ']'.repeat(100_000);
const objects = `${'{"a":'.repeat(100_000)}0${'}'.repeat(100_000)}`;
const one = entryOf('w', 'F32', ['[1]', '[0,4]']);
const best = '{"metric":"loss","value":1,"epoch":0,"index":0}';

describe('a file that was made to do harm', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['of no bytes', new Uint8Array(0), /at least 8 bytes, received 0/],
    ['with a header of 2^63 bytes', fileOf('{}', four, 2n ** 63n), /received 9223372036854775808 bytes/],
    ['with a header only', fileOf('{}'), /received a file of another one/],
    ['with a header that is not UTF-8', fileOf(Uint8Array.of(0x7b, 0xc0, 0x80, 0x7d)), /in UTF-8/],
    ['with half a character in UTF-8', fileOf(Uint8Array.of(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22)), /in UTF-8/],
    ['with a header 100,000 deep', fileOf(`{"w":${objects}}`), /each once, received "a"/],
    [
      'with a tensor named __proto__ and nothing else',
      fileOf(`{${entryOf('__proto__', 'F32', ['[1]', '[0,4]'])}}`, four),
      /another one/,
    ],
    ['with one tensor twice', fileOf(`{${one},${one}}`, four), /"w" twice/],
    [
      'with tensors that overlap',
      fileOf(`{${one},${entryOf('v', 'F32', ['[1]', '[2,6]'])}}`, new Uint8Array(6)),
      /to begin at byte 4/,
    ],
    [
      'with a gap',
      fileOf(`{${one},${entryOf('v', 'F32', ['[1]', '[8,12]'])}}`, new Uint8Array(12)),
      /to begin at byte 4/,
    ],
    [
      'with offsets beyond its end',
      fileOf(`{${entryOf('w', 'F32', ['[2251799813685247]', '[0,9007199254740988]'])}}`, four),
      /9007199254740988 bytes of data, received 4/,
    ],
    ['with a negative offset', fileOf(`{${entryOf('w', 'F32', ['[1]', '[-4,0]'])}}`), /an integer from 0/],
    [
      'with sizes whose product is 0 by overflow of 64 bits',
      fileOf(`{${entryOf('w', 'F32', ['[4294967296,4294967296]', '[0,0]'])}}`),
      /received 0/,
    ],
    ['with a type of another size', fileOf(`{${entryOf('w', 'F64', ['[1]', '[0,8]'])}}`, new Uint8Array(8)), /"F64"/],
  ])('%s is refused', async (_, file, pattern) => {
    expect(await refusal(file)).toMatch(pattern);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'settings 100,000 deep',
      { settings: `{"decays":${deep}}` },
      /an object as 'settings' of the metadata, at most 32 deep/,
    ],
    ['weights 100,000 deep', { weights: objects }, /'weights' of the metadata, at most 32 deep/],
    ['steps 100,000 deep', { standing: `{"steps":${deep}}` }, /'standing' of the metadata, at most 32 deep/],
    ['best averages 100,000 deep', { bests: `[${deep}]` }, /'bests' of the metadata, at most 32 deep/],
    ['brackets without end', { bests: '['.repeat(1_000_000) }, /expected JSON as 'bests'/],
    [
      'settings of 4,000,001 characters',
      { settings: `{}${' '.repeat(3_999_999)}` },
      /at most 4000000 characters as 'settings'/,
    ],
    [
      'a shape with a toString of its own',
      { weights: '{"in/kernel":{"toString":1,"valueOf":2},"in/bias":"[8]"}' },
      /was {"toString":1,"valueOf":2}, now it is \[4, 8\]/,
    ],
    [
      'a weight named constructor',
      { weights: '{"in/kernel":"[4, 8]","in/bias":"[8]","constructor":"[1]"}' },
      /'constructor' is only in the checkpoint/,
    ],
    [
      'a weight named __proto__',
      { weights: '{"in/kernel":"[4, 8]","in/bias":"[8]","__proto__":{"in/bias":"[8]"}}' },
      /'__proto__' is only in the checkpoint/,
    ],
    [
      'counters in a prototype',
      { standing: '{"__proto__":{"steps":3,"pending":0,"updates":3,"intervals":[[1,3]]}}' },
      /expected steps from 0/,
    ],
    [
      'steps beyond all numbers',
      { standing: '{"steps":1e400,"pending":0,"updates":3,"intervals":[[1,3]]}' },
      /received Infinity/,
    ],
    ['one metric twice', { bests: `[${best},${best}]` }, /one best average of each metric, received several/],
  ])('with digests that hold and %s is refused', async (_, texts, pattern) => {
    expect(await refusal(forged(texts))).toMatch(pattern);
  });

  it('with more text than is ever read is not saved in the first place', () => {
    const weights = { averaged: [{ name: 'x'.repeat(4_000_000), variable: { shape: [1] } }], live: [] };
    const shadow = Object.assign(Object.create(SHADOW), { weights, values: () => [new Float32Array(1)] });
    const standing = { steps: 0, pending: 0, updates: 0, intervals: [], current: undefined, monitor: undefined };
    const save = () => encodeCheckpoint({ shadow, options: OPTIONS, standing, bests: [] });
    expect(thrownBy(save, 'INVALID_ARGUMENT').message).toMatch(/weights of the checkpoint: expected at most 4000000 /);
  });

  it('changes no prototype', async () => {
    const polluted = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    await refusals(['settings', 'weights', 'standing'].map((name) => forged({ [name]: polluted })));
    await refusals([
      forged({ bests: `[${polluted}]` }),
      fileOf(`{"__metadata__":{"__proto__":"polluted"},${one}}`, four),
    ]);
    for (const object of [{}, [], new Map(), '', 0]) expect(Reflect.get(Object(object), 'polluted')).toBeUndefined();
  });
});

describe('a large file that was made to do harm', () => {
  let program: string;

  beforeAll(async () => {
    mkdirSync(join(folder, 'memory'));
    program = await plainProgram('test/durability/corruption/memory.ts', join(folder, 'memory'));
  });

  it.each(Object.entries(LARGE))(
    '%s, is refused in memory of a small multiple of its size',
    (name, { make, multiple }) => {
      const path = join(folder, 'large.safetensors');
      writeFileSync(path, make());
      const output = execFileSync(process.execPath, [program, path], { encoding: 'utf8' });
      const { outcome, size, growth, cpu } = JSON.parse(output);
      say(
        `${name}: ${(size / 1e6).toFixed(0)} MB, ${(growth / 1e6).toFixed(0)} MB more at the peak, ${cpu.toFixed(1)} s of CPU`,
      );
      expect(outcome).toBe('CHECKPOINT');
      // What a process that works takes for itself, however small the file: code, and garbage between two collections.
      expect(growth).toBeLessThan(96e6 + multiple * size);
    },
  );
});

describe('the fuzzer', () => {
  it(
    `finds nothing in ${FUZZ_SECONDS} s but CHECKPOINT errors and files that are right`,
    async () => {
      const home = join(folder, 'fuzz');
      mkdirSync(home);
      const program = await plainProgram('test/durability/corruption/fuzz.ts', home);
      say(`fuzzing with EMA_SEED=${SEED}`);
      const { code, last, errors } = await fuzzed([program, `${FUZZ_SECONDS}`, `${SEED}`], say);
      say(last);
      expect([code, errors]).toEqual([0, '']);
      const { files, decoded, loaded, largest, growth } = JSON.parse(last);
      // It did get everywhere: many files are refused, many have a header that is right, and some are checkpoints that fit.
      expect([decoded / files > 0.1, decoded / files < 0.9, loaded > 0]).toEqual([true, true, true]);
      // The heap is limited below; beside it stand files as bytes and texts.
      expect(growth).toBeLessThan(160e6 + 24 * largest);
    },
    FUZZ_SECONDS * 1000 + 900_000,
  );
});
