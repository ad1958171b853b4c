// The paper's networks by the names that options and conditions give them.
// A new network is one file and one line here, beside its name in runs/condition.ts.

import type { LogitNetwork } from '../networks/logit-network.js';
import { resnet18, resnet34 } from './resnet.js';
import { vgg16 } from './vgg.js';
import { wideResnet28x10 } from './wide-resnet.js';

/** Networks with logits as output, by name. */
export const paperNetworks = {
  'resnet-18': resnet18,
  'resnet-34': resnet34,
  'vgg-16': vgg16,
  'wrn-28-10': wideResnet28x10,
} as const satisfies Record<string, LogitNetwork>;
