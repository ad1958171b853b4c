// Facts about the machine and the code that a figure was measured with.
// Measures nothing.

import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { loadAddon } from '../../src/engine/addon.js';
import { currentCommit } from '../../tools/shared/commit.js';

/** What a published figure must carry. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly os: string;
  /** Name and version of what took part: node, tfjs-node, tensorflow, torch ... */
  readonly versions: Readonly<Record<string, string>>;
  /** Instruction set of the native kernel, or why there is none. */
  readonly kernel: string;
  readonly commit: string;
  readonly date: string;
  /** Processes that wanted a core when the run began, over one minute: above 1 the figures are noisy. */
  readonly load: number;
}

/**
 * Facts about this machine, now.
 * @param versions of what cells have loaded.
 */
export function describeMachine(versions: Readonly<Record<string, string>> = {}): Machine {
  const require = createRequire(import.meta.url);
  const addon = loadAddon();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()}`,
    // `require` gives any; every package.json has a version.
    versions: {
      node: process.versions.node,
      'tfjs-node': (require('@tensorflow/tfjs-node/package.json') as { version: string }).version,
      ...versions,
    },
    kernel: 'addon' in addon ? addon.addon.buildInfo().cpuKernel : addon.reason,
    commit: currentCommit() ?? 'unknown',
    date: new Date().toISOString().slice(0, 10),
    load: Math.round(100 * (loadavg()[0] ?? 0)) / 100,
  };
}

/** The facts as one line. */
export function machineLine({ cpu, cores, memoryGb, os, versions, kernel, commit: code, date, load }: Machine): string {
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${cpu}, ${cores} cores, ${memoryGb} GB, ${os}; ${software.join(', ')}; kernel ${kernel}; commit ${code}, ${date}, load ${load}`;
}
