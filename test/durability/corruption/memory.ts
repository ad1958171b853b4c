// A program: reads a checkpoint, and says by how much memory grew at its peak, and what came of it.
// Builds no file: that would raise the peak. Argument: the file.

import { readFileSync } from 'node:fs';
import { EmaError } from '../../../src/base/errors.js';
import { decodeCheckpoint, openCheckpoint } from '../../../src/disk/checkpoint.js';
import { OPTIONS, SHADOW } from './files.js';

const file = readFileSync(process.argv[2] ?? '');
const before = process.memoryUsage.rss();
let outcome = 'loaded';
try {
  decodeCheckpoint(openCheckpoint(file), SHADOW, OPTIONS);
} catch (error) {
  outcome = error instanceof EmaError ? error.code : `${error}`;
}
// In kilobytes.
const peak = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ outcome, size: file.length, growth: peak - before, cpu: process.cpuUsage().user / 1e6 }));
