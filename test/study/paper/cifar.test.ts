// Readers of CIFAR's binary formats and of CIFAR-N's labels, on small files in the true formats that the tests write.
// The pickles of CIFAR-N are written instruction by instruction, as torch.save does.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DataError } from '../../../study/data/index.js';
import { readCifar } from '../../../study/paper/cifar.js';
import { readCifarNoise } from '../../../study/paper/cifar-noise.js';
import { loadStudyData } from '../../../study/plan/catalog.js';
import { cifarRecords, humanLabelsFile } from '../../support/cifar-files.js';

const root = mkdtempSync(join(tmpdir(), 'study-cifar-'));
afterAll(() => rmSync(root, { recursive: true }));

let made = 0;
/** A new folder with these files. */
function folder(files: Readonly<Record<string, Uint8Array | string>>): string {
  made += 1;
  const path = join(root, `${made}`);
  mkdirSync(path);
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), bytes);
  }
  return path;
}

const CIFAR_10 = {
  'data_batch_1.bin': cifarRecords([[3], [9]]),
  'data_batch_2.bin': cifarRecords([[0]], 2),
  'test_batch.bin': cifarRecords([[7]], 3),
};
const CIFAR_100 = {
  'train.bin': cifarRecords([
    [1, 42],
    [19, 99],
  ]),
  'test.bin': cifarRecords([[0, 5]], 2),
};

describe('CIFAR-10', () => {
  const data = readCifar('cifar-10', folder({ ...CIFAR_10, 'batches.meta.txt': 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n' }));

  it('has the labels of all its files in order, and their names', () => {
    expect([...data.train.labels]).toEqual([3, 9, 0]);
    expect([...data.test.labels]).toEqual([7]);
    expect(data.classNames).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']);
  });

  it('turns planes of red, green and blue into pixels', () => {
    // cifarRecords writes (image + 1) * 50 + channel * 10 + pixel % 7 in each plane.
    const pixel = (image: number, index: number): number[] =>
      [0, 1, 2].map((c) => (image + 1) * 50 + c * 10 + (index % 7));
    const at = (split: typeof data.train, image: number, index: number): number[] => {
      return [...split.images.subarray((image * 1024 + index) * 3, (image * 1024 + index) * 3 + 3)];
    };
    expect(at(data.train, 0, 0)).toEqual(pixel(0, 0));
    expect(at(data.train, 1, 1023)).toEqual(pixel(1, 1023));
    expect(at(data.train, 2, 33)).toEqual(pixel(2, 33).map((value) => value % 256));
  });

  it('is found in the folder of the official archive', () => {
    const files = Object.entries(CIFAR_10).map(([name, bytes]) => [`cifar-10-batches-bin/${name}`, bytes]);
    expect(readCifar('cifar-10', folder(Object.fromEntries(files))).train.count).toBe(3);
  });

  it('numbers its classes without a file of names', () => {
    expect(readCifar('cifar-10', folder(CIFAR_10)).classNames.slice(0, 2)).toEqual(['0', '1']);
  });
});

describe('CIFAR-100', () => {
  it('has fine labels', () => {
    const data = readCifar('cifar-100', folder(CIFAR_100));
    expect([...data.train.labels]).toEqual([42, 99]);
    expect(data.classes).toBe(100);
    expect(data.train.images.length).toBe(2 * 3072);
  });
});

describe('bad files', () => {
  const wrong: [string, Record<string, Uint8Array>, RegExp][] = [
    ['missing', {}, /data_batch_1\.bin cannot be read.*--data-dir/s],
    [
      'truncated',
      { 'data_batch_1.bin': CIFAR_10['data_batch_1.bin'].subarray(0, 3073 + 100) },
      /received 3173 bytes.*truncated/,
    ],
    ['empty', { 'data_batch_1.bin': new Uint8Array(0) }, /received 0 bytes/],
    ['packed', { 'data_batch_1.bin': Buffer.from('1f8b08000000', 'hex') }, /gzip archive: unpack it first/],
    [
      'of the Python version',
      { 'data_batch_1.bin': Buffer.from('80027d71', 'hex') },
      /Python pickle: the binary version is needed/,
    ],
    ['of CIFAR-100', { 'data_batch_1.bin': cifarRecords([[10]]) }, /expected classes 0 to 9, received 10 for image 0/],
  ];
  it.each(wrong)('%s: the error says so', (_, files, message) => {
    const path = folder({ 'test_batch.bin': CIFAR_10['test_batch.bin'], ...files });
    expect(() => readCifar('cifar-10', path)).toThrow(DataError);
    expect(() => readCifar('cifar-10', path)).toThrow(message);
  });

  it('a data set that cannot be fetched asks for its folder', async () => {
    await expect(loadStudyData('cifar-100', undefined)).rejects.toThrow('--data-dir');
  });
});

describe('CIFAR-N', () => {
  const labels = { clean_label: [3, 9, 0], worse_label: [3, 1, 2], aggre_label: [3, 9, 2] };

  it('has the labels that people gave, in the order of the images', () => {
    const path = folder({ ...CIFAR_10, 'CIFAR-10_human.pt': humanLabelsFile(labels) });
    expect([...readCifarNoise('cifar-10', path).noisyLabels]).toEqual([3, 1, 2]);
    expect([...readCifarNoise('cifar-10', path, 'aggre_label').noisyLabels]).toEqual([3, 9, 2]);
  });

  it('reads CIFAR-100N, whose record has other entries too', async () => {
    const file = humanLabelsFile({ clean_label: [42, 99], noisy_label: [42, 7] }, ['apple', 'bear']);
    const loaded = await loadStudyData('cifar-100n', folder({ ...CIFAR_100, 'CIFAR-100_human.pt': file }));
    expect([...(loaded.humanLabels ?? [])]).toEqual([42, 7]);
    expect([...loaded.images.train.labels]).toEqual([42, 99]);
  });

  const good = humanLabelsFile(labels);
  const wrong: [string, Record<string, Uint8Array>, RegExp][] = [
    ['missing', {}, /CIFAR-10_human\.pt is not in/],
    ['no archive', { 'CIFAR-10_human.pt': Buffer.from('not a zip') }, /expected a file of torch\.save/],
    ['truncated', { 'CIFAR-10_human.pt': good.subarray(0, good.length - 30) }, /expected a file of torch\.save/],
    [
      'without the labels',
      { 'CIFAR-10_human.pt': humanLabelsFile({ clean_label: [3, 9, 0] }) },
      /expected labels 'worse_label'/,
    ],
    ['too few labels', { 'CIFAR-10_human.pt': humanLabelsFile({ ...labels, worse_label: [3] }) }, /received 1 labels/],
    [
      'a class too many',
      { 'CIFAR-10_human.pt': humanLabelsFile({ ...labels, worse_label: [3, 10, 0] }) },
      /received 10 for image 1/,
    ],
    [
      'in another order',
      { 'CIFAR-10_human.pt': humanLabelsFile({ ...labels, clean_label: [9, 3, 0] }) },
      /says 9 for training image 0/,
    ],
  ];
  it.each(wrong)('%s: the error says so', (_, files, message) => {
    const path = folder({ ...CIFAR_10, ...files });
    expect(() => readCifarNoise('cifar-10', path)).toThrow(DataError);
    expect(() => readCifarNoise('cifar-10', path)).toThrow(message);
  });

  it('never runs what a pickle names, and refuses instructions that no record of arrays needs', () => {
    // protocol 2, GLOBAL os.system, BINUNICODE, TUPLE1, REDUCE, STOP
    const evil = Buffer.from('\x80\x02cos\nsystem\nX\x04\x00\x00\x00exit\x85R.', 'latin1');
    const path = folder({ ...CIFAR_10, 'CIFAR-10_human.pt': humanLabelsFile({}, [], evil) });
    expect(() => readCifarNoise('cifar-10', path)).toThrow('expected a record of arrays');
    const odd = Buffer.from('\x80\x02(I1\n.', 'latin1');
    const other = folder({ ...CIFAR_10, 'CIFAR-10_human.pt': humanLabelsFile({}, [], odd) });
    expect(() => readCifarNoise('cifar-10', other)).toThrow('received the instruction 0x49');
  });
});
