// Writes the shapes of every network as JSON: `tsx bench/export-shapes.ts FILE`, or to standard output.
// For programs in other languages, such as the GPU kernel's benchmark.

import { writeFileSync } from 'node:fs';
import { NETWORKS, parametersOf } from './shared/shapes.js';

const networks = NETWORKS.map(({ name, title, shapes }) => ({
  name,
  title,
  parameters: parametersOf(shapes),
  tensors: shapes.length,
  shapes,
}));
const text = `${JSON.stringify({ networks })}\n`;
const [file] = process.argv.slice(2);
if (file === undefined) process.stdout.write(text);
else writeFileSync(file, text);
