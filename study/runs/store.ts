// Results of finished runs on disk, one folder a run: complete or not there.
// Runs nothing and compares nothing.

import { createHash, randomUUID } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import type { Condition, Course, RunSpec } from './condition.js';
import type { CourseResult } from './course.js';
import type { ModelId, RunResult } from './result.js';
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
  /** Of the project, with the library's own code; null outside of a clone. */
  readonly commit: string | null;
}

/** A finished run of a classifier. */
export interface StoredRun extends RunOutput, RunNotes {
  readonly spec: RunSpec<Condition>;
}

/** A finished course. */
export interface StoredCourse extends RunNotes {
  readonly spec: RunSpec<Course>;
  readonly result: CourseResult;
  readonly logits: Readonly<Record<string, never>>;
}

/** What `result.json` holds. */
interface StoredRecord extends RunNotes {
  readonly spec: RunSpec;
  readonly result: RunResult | CourseResult;
}

/** What a run leaves behind. */
type Output = Pick<StoredRun | StoredCourse, 'result' | 'logits'>;

const RECORD = 'result.json';
const LOGITS = /^logits-(?<model>\w+)\.f32$/;
const DRAFT = '.draft-';
const DAY_MS = 86_400_000;

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
  read(spec: RunSpec<Condition>): StoredRun | undefined;
  read(spec: RunSpec<Course>): StoredCourse | undefined;
  read(spec: RunSpec): StoredRun | StoredCourse | undefined;
  read(spec: RunSpec): StoredRun | StoredCourse | undefined {
    if (!this.has(spec)) return undefined;
    const path = this.#pathOf(spec);
    const record = JSON.parse(readFileSync(join(path, RECORD), 'utf8')) as StoredRecord;
    const logits: Partial<Record<ModelId, Float32Array>> = {};
    for (const file of readdirSync(path)) {
      const model = LOGITS.exec(file)?.groups?.['model'];
      if (model !== undefined) logits[model as ModelId] = readFloats(join(path, file));
    }
    // The folder is named after the whole specification: what lies there is of its kind.
    return { ...record, logits } as StoredRun | StoredCourse;
  }

  /**
   * Keeps a finished run. It is written beside its place and renamed: a process killed at any moment leaves the run there as
   * a whole or not at all. Where another process has finished the same run meanwhile, that one stays.
   */
  write(spec: RunSpec, { result, logits }: Output, notes: RunNotes): void {
    const draft = this.#newDraft();
    mkdirSync(draft);
    const record: StoredRecord = { spec, ...notes, result };
    writeFileSync(join(draft, RECORD), `${JSON.stringify(record)}\n`);
    for (const [model, values] of Object.entries(logits) as [ModelId, Float32Array][])
      writeFloats(join(draft, `logits-${model}.f32`), values);
    put(draft, this.#pathOf(spec));
  }

  /** Forgets a run, so that it is trained anew. */
  remove(spec: RunSpec): void {
    rmSync(this.#pathOf(spec), { recursive: true, force: true });
  }

  /**
   * Takes over the finished runs of another folder, all that are not here.
   * @returns how many.
   */
  takeFrom(folder: string): number {
    const finished = readdirSync(folder).filter(
      (name) => !name.startsWith(DRAFT) && existsSync(join(folder, name, RECORD)),
    );
    const missing = finished.filter((name) => !existsSync(join(this.#folder, name, RECORD)));
    for (const name of missing) {
      const draft = this.#newDraft();
      cpSync(join(folder, name), draft, { recursive: true });
      put(draft, join(this.#folder, name));
    }
    return missing.length;
  }

  /** Removes what processes of this machine that were killed have left behind, and what is older than a day. */
  removeDrafts(): void {
    for (const name of readdirSync(this.#folder)) {
      if (name.startsWith(DRAFT) && isLeft(join(this.#folder, name)))
        rmSync(join(this.#folder, name), { recursive: true, force: true });
    }
  }

  #newDraft(): string {
    return join(this.#folder, `${DRAFT}${process.pid}-${randomUUID()}@${hostname()}`);
  }

  #pathOf(spec: RunSpec): string {
    return join(this.#folder, runId(spec));
  }
}

/** The name of a run: condition, seed, and a digest of everything that its result depends on. */
export function runId(spec: RunSpec): string {
  // How a condition is called, and how many seeds it is given, changes nothing in a run.
  const condition = { ...spec.condition, title: '', seeds: 0 };
  const digest = createHash('sha256')
    .update(JSON.stringify({ ...spec, condition }))
    .digest('hex');
  return `${spec.condition.id}-seed-${spec.seed}-${digest.slice(0, 12)}`;
}

/** Renames a draft to its place; what is there already stays, where it is a whole run. */
function put(draft: string, path: string): void {
  try {
    renameSync(draft, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
    if (existsSync(join(path, RECORD))) {
      rmSync(draft, { recursive: true, force: true });
      return;
    }
    rmSync(path, { recursive: true, force: true });
    renameSync(draft, path);
  }
}

/** Whether nobody writes this draft any more. */
function isLeft(path: string): boolean {
  const [, pid, host] = /-(\d+)-[^@]*@(.*)$/.exec(basename(path)) ?? [];
  if (host === hostname() && pid !== undefined) return !isRunning(Number(pid));
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > DAY_MS;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function writeFloats(path: string, values: Float32Array): void {
  writeFileSync(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

function readFloats(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
