// The images of the live page: the first of Fashion-MNIST, at half their size and in 16 greys, so that a page can load them.
// Run once, and its result committed: npx tsx site/live/make-data.ts

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { loadFashionMnist } from '../../study/data/fashion-mnist.js';
import { IMAGES, SIDE } from './settings.js';

const { train } = await loadFashionMnist();
const large = 2 * SIDE;
const greys = Array.from({ length: IMAGES * SIDE * SIDE }, (_, place) => {
  const [image, pixel] = [Math.floor(place / SIDE ** 2), place % SIDE ** 2];
  const at = image * large ** 2 + 2 * large * Math.floor(pixel / SIDE) + 2 * (pixel % SIDE);
  const four = [0, 1, large, large + 1].map((offset) => train.images[at + offset] ?? 0);
  return Math.round(four.reduce((sum, grey) => sum + grey, 0) / 4 / 17);
});
const halfBytes = [...greys, ...train.labels.subarray(0, IMAGES)];
const bytes = Uint8Array.from(
  { length: halfBytes.length / 2 },
  (_, i) => 16 * (halfBytes[2 * i] ?? 0) + (halfBytes[2 * i + 1] ?? 0),
);
writeFileSync(fileURLToPath(new URL('fashion-mnist.data', import.meta.url)), gzipSync(bytes, { level: 9 }));
