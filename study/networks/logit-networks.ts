// The networks of the paper's study by the name that options and conditions give them.
// A new network is one file and one line here.

import type { LogitNetwork } from './logit-network.js';
import { resnet18, resnet34 } from './resnet.js';
import { studyNet, studyNetBatchNorm } from './study-net.js';
import { vgg16 } from './vgg.js';
import { wideResnet28x10 } from './wide-resnet.js';

/** Networks with logits as output, by name. */
export const logitNetworks = {
  'study-net': studyNet,
  'study-net-bn': studyNetBatchNorm,
  'resnet-18': resnet18,
  'resnet-34': resnet34,
  'vgg-16': vgg16,
  'wrn-28-10': wideResnet28x10,
} as const satisfies Record<string, LogitNetwork>;

/** Names of the networks. */
export type LogitNetworkName = keyof typeof logitNetworks;
