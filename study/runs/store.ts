// Results of finished runs on disk, one folder a run: complete or not there.
// Runs nothing and compares nothing.

import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunSpec } from './condition.js';
import type { ModelId, RunLogits, RunResult } from './result.js';
import type { RunOutput } from './train.js';

/** What a run was made on. */
export interface RunEnvironment {
  readonly tensorflow: string;
  readonly node: string;
  readonly machine: string;
}

/** What is noted of a run beside its result, which is the same in every repetition. */
export interface RunNotes {
  /** Wall time. */
  readonly seconds: number;
  readonly environment: RunEnvironment;
}

/** A finished run. */
export interface StoredRun extends RunOutput, RunNotes {
  readonly spec: RunSpec;
}

/** What `result.json` holds. */
interface StoredRecord extends RunNotes {
  readonly spec: RunSpec;
  readonly result: RunResult;
}

const RECORD = 'result.json';
const LOGITS = /^logits-(?<model>\w+)\.f32$/;
const DRAFT = '.draft-';

/** Finished runs in a folder. */
export class RunStore {
  readonly #folder: string;

  /** @param folder made when it is not there. */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** Where runs are kept. */
  get folder(): string {
    return this.#folder;
  }

  /** Whether this very run is finished. */
  has(spec: RunSpec): boolean {
    return existsSync(join(this.#pathOf(spec), RECORD));
  }

  /** A finished run; undefined when it is not there. */
  read(spec: RunSpec): StoredRun | undefined {
    if (!this.has(spec)) return undefined;
    const path = this.#pathOf(spec);
    const record = JSON.parse(readFileSync(join(path, RECORD), 'utf8')) as StoredRecord;
    const logits: Partial<Record<ModelId, Float32Array>> = {};
    for (const file of readdirSync(path)) {
      const model = LOGITS.exec(file)?.groups?.['model'];
      if (model !== undefined) logits[model as ModelId] = readFloats(join(path, file));
    }
    return { ...record, logits };
  }

  /**
   * Keeps a finished run. It is written beside its place and renamed: a process killed at any moment leaves the run there as
   * a whole or not at all.
   */
  write(spec: RunSpec, { result, logits }: RunOutput, notes: RunNotes): void {
    const path = this.#pathOf(spec);
    const draft = join(this.#folder, `${DRAFT}${process.pid}-${randomUUID()}`);
    mkdirSync(draft);
    const record: StoredRecord = { spec, ...notes, result };
    writeFileSync(join(draft, RECORD), `${JSON.stringify(record)}\n`);
    for (const [model, values] of Object.entries(logits)) writeFloats(join(draft, `logits-${model}.f32`), values);
    rmSync(path, { recursive: true, force: true });
    renameSync(draft, path);
  }

  /** Removes what processes that were killed have left behind. To be called when no other process writes here. */
  removeDrafts(): void {
    for (const name of readdirSync(this.#folder)) {
      if (name.startsWith(DRAFT)) rmSync(join(this.#folder, name), { recursive: true, force: true });
    }
  }

  #pathOf(spec: RunSpec): string {
    const digest = createHash('sha256').update(JSON.stringify(spec)).digest('hex');
    return join(this.#folder, `${spec.condition.id}-seed-${spec.seed}-${digest.slice(0, 12)}`);
  }
}

function writeFloats(path: string, values: RunLogits[ModelId]): void {
  if (values === undefined) return;
  writeFileSync(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

function readFloats(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** What a run's result depends on beside its specification: these folders and files of the project. */
export const CODE: readonly string[] = [
  ...['src', 'binding.d.ts', 'native', 'CMakeLists.txt'],
  ...[
    'study/runs',
    'study/metrics',
    'study/networks',
    'study/data',
    'study/paper',
    'study/plan/catalog.ts',
    'study/plan/worker.ts',
    'tools/shared/random.ts',
    'tools/shared/tfjs.ts',
  ],
];

/**
 * Digest of the code that runs the study: a run of other code is never taken for finished.
 * @param root the project.
 */
export function codeDigest(root = fileURLToPath(new URL('../../', import.meta.url))): string {
  const hash = createHash('sha256');
  for (const file of CODE.flatMap((path) => filesUnder(join(root, path))).sort()) {
    hash.update(relative(root, file)).update('\0').update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

function filesUnder(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesUnder(join(path, name)));
}
