// The victim: saves one version after the other until it is killed, and says when each save begins and when it is done.
// Judges nothing. Arguments: what to save and how, where, the first version, the file of the model's recorded artifacts.

import { readFileSync, writeSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../../src/disk/atomic-file.js';
import { writeModel } from '../../../src/disk/save-model.js';
import { checkpointOf, modelOf } from './versions.js';

const [kind = '', target = '', first = '', recorded = ''] = process.argv.slice(2);

/** How a version is saved; those that are called plain overwrite in place, as tfjs does. */
const SAVES: Readonly<Record<string, (version: number) => Promise<void>>> = {
  checkpoint: (version) => writeAtomically(target, checkpointOf(version)),
  model: (version) => writeModel(target, modelOf(artifacts, version)),
  'plain checkpoint': (version) => writeFile(target, Buffer.concat(checkpointOf(version))),
  'plain model': async (version) => {
    const { weightData = [], weightSpecs = [], ...rest } = modelOf(artifacts, version);
    const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
    await mkdir(target, { recursive: true });
    await writeFile(join(target, 'model.json'), JSON.stringify({ ...rest, weightsManifest }));
    await writeFile(join(target, 'weights.bin'), Buffer.concat([weightData].flat().map((data) => Buffer.from(data))));
  },
};

const artifacts = JSON.parse(readFileSync(recorded, 'utf8'));
const save = SAVES[kind];
if (save === undefined) throw new Error(`no way to save a ${kind}`);
for (let version = Number(first); ; version += 1) {
  writeSync(1, 'b');
  await save(version);
  writeSync(1, 'd');
}
