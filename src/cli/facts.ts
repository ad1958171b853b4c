// What doctor knows about a machine and an app: plain data, between gathering and judging.
// Holds no behaviour.

import type { BuildInfo, Registration, UpdateCounts } from '../../binding.js';
import type { SelfTest } from './self-test.js';

/** Everything that the checks read. */
export interface Facts {
  /** The app's folder: where packages are looked up from. */
  readonly directory: string;
  readonly node: NodeFacts;
  readonly addon: AddonFacts | Unavailable;
  /** Every copy of a tfjs package under the app's `node_modules`. */
  readonly copies: readonly PackageCopy[];
  /** The package that the app would import; undefined when there is none. */
  readonly tfjs: TfjsFacts | undefined;
  /** What happened when it was loaded; undefined when it was not tried. */
  readonly probe: ProbeFacts | undefined;
  /** CUDA as the dynamic loader finds it; undefined where it is not asked for. */
  readonly cuda: CudaFacts | undefined;
  /** What `--gpu` tried: undefined where it was not asked for, or updates do not run on a GPU. */
  readonly gpu?: GpuFacts | undefined;
}

/** The reason why something is not there. */
export interface Unavailable {
  readonly reason: string;
}

/** This Node, and what it runs on. */
export interface NodeFacts {
  readonly version: string;
  readonly napi: number;
  readonly platform: string;
  readonly arch: string;
  /** Version of the C library; undefined on musl and outside Linux. */
  readonly glibc: string | undefined;
}

/** The addon that was loaded. */
export interface AddonFacts {
  readonly path: string;
  readonly sha256: string;
  /** Whether the hash is the one in `prebuilds/SHA256SUMS`. */
  readonly published: boolean;
  readonly build: BuildInfo;
  readonly selfTest: SelfTest;
}

/** One copy of a package on disk. */
export interface PackageCopy {
  readonly name: string;
  readonly version: string;
  readonly path: string;
}

/** The three packages that bring tfjs, best first. */
export type TfjsName = '@tensorflow/tfjs-node-gpu' | '@tensorflow/tfjs-node' | '@tensorflow/tfjs';

/** The tfjs package that the app would import. */
export interface TfjsFacts extends PackageCopy {
  readonly name: TfjsName;
  /** Path of `tfjs_binding.node`; undefined when it is not there, or has no place (plain tfjs). */
  readonly binding: string | undefined;
  /** Whether the install script has run: its first act is to make the folder `deps`. */
  readonly scriptRan: boolean;
}

/** Answers of the child process that loads tfjs; what it did not reach is undefined. */
export interface ProbeFacts {
  /** Why loading or an op failed, or how the process ended. */
  readonly error: string | undefined;
  /** tfjs needed `util.isNullOrUndefined`, which this Node lacks. */
  readonly needsCompat: boolean;
  readonly backend: string | undefined;
  /** tfjs-node places its tensors on a GPU. */
  readonly usesGpu: boolean;
  readonly registration: Registration | Unavailable | undefined;
  readonly engines: EngineFacts | undefined;
}

/** The same updates by both engines. */
export interface EngineFacts {
  /** Why `engine: 'auto'` chose what it chose. */
  readonly reason: string;
  readonly engine: 'native' | 'js';
  /** Largest difference between native and js, and the largest that rounding explains. */
  readonly difference: number;
  readonly tolerance: number;
  /** Updates made, and how many of them the addon's kernels counted, by device: none where the engine is js. */
  readonly updates: number;
  readonly ran: UpdateCounts;
}

/** A device that TensorFlow runs ops on. */
export type Device = keyof UpdateCounts;

/** What the dynamic loader finds of CUDA. */
export interface CudaFacts {
  /** File that `libcuda.so.1` is; it carries the driver's version. */
  readonly driver: string | undefined;
  readonly missing: readonly MissingLibrary[];
}

/** A library that cannot be loaded. */
export interface MissingLibrary {
  readonly soname: string;
  readonly reason: string;
}

/** What the child process that tries the GPU has found; what it did not reach is undefined. */
export interface GpuFacts {
  /** Name, driver and memory by `nvidia-smi`; undefined where there is none. */
  readonly card: string | undefined;
  /** Why it ended early. */
  readonly error: string | undefined;
  /** Random models updated on the GPU: numbers compared with the CPU kernel's, and how many differ in a bit. */
  readonly kernels: { readonly models: number; readonly floats: number; readonly differing: number } | undefined;
  /** Milliseconds of one average's update and of TensorFlow's copy, both of that many floats. */
  readonly speed: { readonly floats: number; readonly updateMs: number; readonly copyMs: number } | undefined;
  /** One update behind queued work: milliseconds in the call, and those that the device needed afterwards; whether all values are right. */
  readonly order: { readonly hostMs: number; readonly queuedMs: number; readonly isRight: boolean } | undefined;
}

/** One judged fact. */
export interface Check {
  readonly id: CheckId;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to type or change; empty when there is nothing to do. */
  readonly cure: string;
}

/** Names of the checks, stable for programs that read `--json`. */
export type CheckId =
  | 'node'
  | 'addon'
  | 'self-test'
  | 'tfjs'
  | 'copies'
  | 'binding'
  | 'compat'
  | 'tensorflow'
  | 'ops'
  | 'device'
  | 'engines'
  | 'cuda'
  | 'gpu-kernel'
  | 'gpu-order'
  | 'gpu-speed';
