// What the study's processes say to each other.
// Types only.

import type { RunSpec } from './condition.js';

/** Parent to worker: train this. */
export interface ToWorker {
  readonly spec: RunSpec;
  /** The store's folder. */
  readonly folder: string;
}

/** Worker to parent. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'epoch'; readonly epoch: number }
  | { readonly kind: 'done'; readonly seconds: number }
  | { readonly kind: 'failed'; readonly reason: string };
