// All networks of the study, by the name that options give them.
// A new network is one file and one line here.

import type { Network } from './network.js';
import { smallCnn } from './small-cnn.js';

export type { Network, NetworkSetup } from './network.js';

/** Networks by name. */
export const networks = {
  'small-cnn': smallCnn,
} as const satisfies Record<string, Network>;

/** Names of the networks. */
export type NetworkName = keyof typeof networks;
