// Runs every program of examples/systems in one process, and prints what each measured as the last line, in JSON.
// Judges nothing: test/project/systems.test.ts does.

import { readdirSync } from 'node:fs';

const folder = new URL('../../examples/systems/', import.meta.url);
const measured: Record<string, unknown> = {};
for (const file of readdirSync(folder).sort()) {
  measured[file.replace('.ts', '')] = ((await import(new URL(file, folder).href)) as { measured: unknown }).measured;
}
process.stdout.write(`\n${JSON.stringify(measured)}\n`);
