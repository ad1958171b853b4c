// The killer: starts a writer, ends it with SIGKILL at a random moment, looks at what it left, and counts.
// Knows neither checkpoints nor models.

import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';

/** What is killed, and how one tells what it left. */
export interface Victim {
  /** Arguments of the writer for saves from this version on. */
  readonly argv: (first: number) => readonly string[];
  /** What is saved to. */
  readonly target: string;
  /** The version that is there, whole; 0: nothing is there; undefined: something is, and it is torn. */
  readonly load: () => Promise<number | undefined>;
  /** Saves a version in this process. */
  readonly save: (version: number) => Promise<void>;
  /** Files that no whole version has. */
  readonly strays: () => Promise<readonly string[]>;
  /** Kills fall into this time after the first save has begun: several saves long. @defaultValue 20 */
  readonly spreadMs?: number;
}

/** What came of the kills. */
export interface Tally {
  readonly kills: number;
  /** Of those while a save was going on: the version before was there, or the new one. */
  readonly old: number;
  readonly fresh: number;
  /** Neither was there, whole. */
  readonly torn: number;
  /** Kills that left files over, and saves after them that left some. */
  readonly littered: number;
  readonly stillLittered: number;
}

const SPREAD_MS = 20;
/** Every so many kills there is nothing to be overwritten. */
const ANEW_EVERY = 8;

/** Kills a writer so many times, one after the other. */
export async function massacre(victim: Victim, kills: number, random: () => number): Promise<Tally> {
  const tally = { kills, old: 0, fresh: 0, torn: 0, littered: 0, stillLittered: 0 };
  let before = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    if (kill % ANEW_EVERY === 0) {
      await rm(victim.target, { recursive: true, force: true });
      before = 0;
    }
    const { begun, done } = await killed(victim.argv(before + 1), random() * (victim.spreadMs ?? SPREAD_MS));
    const found = await victim.load();
    if (found !== before + done && found !== before + begun) tally.torn += 1;
    else if (begun > done) tally[found === before + done ? 'old' : 'fresh'] += 1;
    if ((await victim.strays()).length > 0) tally.littered += 1;
    before += begun + 1;
    await victim.save(before);
    if ((await victim.strays()).length > 0) tally.stillLittered += 1;
  }
  return tally;
}

/** Starts a writer and kills it some time after its first save has begun; how many saves it has begun, and done. */
async function killed(argv: readonly string[], milliseconds: number): Promise<{ begun: number; done: number }> {
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let events = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve();
      else reject(new Error(`the writer ended by itself, with code ${code}`));
    });
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), milliseconds));
    child.stdout.on('data', (text: Buffer) => {
      events += text.toString();
    });
  });
  return { begun: events.split('b').length - 1, done: events.split('d').length - 1 };
}

/** The sum of several tallies. */
export function total(tallies: readonly Tally[]): Tally {
  const sum = (name: keyof Tally) => tallies.reduce((all, tally) => all + tally[name], 0);
  return {
    kills: sum('kills'),
    old: sum('old'),
    fresh: sum('fresh'),
    torn: sum('torn'),
    littered: sum('littered'),
    stillLittered: sum('stillLittered'),
  };
}
