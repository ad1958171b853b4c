// Networks and data sets by the names that options and conditions give them: the study's own and the paper's.
// Choice only: each has its file.

import { loadFashionMnist, loadMnistDigits } from '../data/index.js';
import type { LoadedData, StudyDataName } from '../data/study-data.js';
import type { LogitNetwork } from '../networks/logit-network.js';
import { studyNet, studyNetBatchNorm } from '../networks/study-net.js';
import { loadPaperData } from '../paper/data.js';
import { paperNetworks } from '../paper/networks.js';
import type { LogitNetworkName } from '../runs/condition.js';

/** Networks with logits as output, by name. */
export const logitNetworks: Readonly<Record<LogitNetworkName, LogitNetwork>> = {
  'study-net': studyNet,
  'study-net-bn': studyNetBatchNorm,
  ...paperNetworks,
};

/** Names of the networks. */
export const NETWORK_NAMES = Object.keys(logitNetworks) as readonly LogitNetworkName[];

/**
 * Reads a data set, fetching it first where that is possible.
 * @param directory folder of the CIFAR files.
 * @param say gets progress lines.
 * @throws {@link DataError} when it cannot be had, or is not what it should be.
 */
export async function loadStudyData(
  name: StudyDataName,
  directory: string | undefined,
  say: (line: string) => void = () => {},
): Promise<LoadedData> {
  if (name === 'fashion-mnist') return { images: await loadFashionMnist(say), humanLabels: undefined };
  if (name === 'mnist') return { images: loadMnistDigits(), humanLabels: undefined };
  return loadPaperData(name, directory);
}
