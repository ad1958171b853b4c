// Networks, data sets and problems by the names that options and conditions give them, each with the file that makes it.
// Choice only: each has its file.

import { loadBible } from '../data/bible.js';
import { loadFashionMnist, loadMnistDigits } from '../data/index.js';
import { loadLetters } from '../data/letters.js';
import { makeMnist1d } from '../data/mnist1d.js';
import type { LoadedData, StudyDataName, StudyImages } from '../data/study-data.js';
import { convNet, convNetDeepNorm } from '../networks/conv-1d.js';
import type { LogitNetwork } from '../networks/logit-network.js';
import { perceptronNet, perceptronNetDeepNorm } from '../networks/perceptron-net.js';
import { studyNet, studyNetBatchNorm } from '../networks/study-net.js';
import { loadPaperData } from '../paper/data.js';
import { paperNetworks } from '../paper/networks.js';
import { blackScholes, heat, poisson } from '../problems/equations.js';
import { polynomial } from '../problems/polynomial.js';
import type { Problem } from '../problems/problem.js';
import { nextCharacter } from '../problems/text.js';
import type { LogitNetworkName, ProblemName } from '../runs/condition.js';

/** A thing of the study and the file that holds it: runs are known by what their files hold. */
interface Entry<T> {
  readonly value: T;
  readonly file: string;
}

const entry = <T>(value: T, file: string): Entry<T> => ({ value, file: `study/${file}.ts` });

/** Networks with logits as output. */
export const NETWORKS: Readonly<Record<LogitNetworkName, Entry<LogitNetwork>>> = {
  'study-net': entry(studyNet, 'networks/study-net'),
  'study-net-bn': entry(studyNetBatchNorm, 'networks/study-net'),
  perceptron: entry(perceptronNet, 'networks/perceptron-net'),
  'perceptron-bn6': entry(perceptronNetDeepNorm, 'networks/perceptron-net'),
  'conv-1d': entry(convNet, 'networks/conv-1d'),
  'conv-1d-bn6': entry(convNetDeepNorm, 'networks/conv-1d'),
  'resnet-18': entry(paperNetworks['resnet-18'], 'paper/networks'),
  'resnet-34': entry(paperNetworks['resnet-34'], 'paper/networks'),
  'vgg-16': entry(paperNetworks['vgg-16'], 'paper/networks'),
  'wrn-28-10': entry(paperNetworks['wrn-28-10'], 'paper/networks'),
};

/** Names of the networks. */
export const NETWORK_NAMES = Object.keys(NETWORKS) as readonly LogitNetworkName[];

/** Reads a data set. */
type Load = (directory: string | undefined, say: (line: string) => void) => LoadedData | Promise<LoadedData>;

const plain = (load: (say: (line: string) => void) => StudyImages | Promise<StudyImages>): Load => {
  return async (_, say) => ({ images: await load(say), humanLabels: undefined });
};

const paper = (name: Parameters<typeof loadPaperData>[0]): Entry<Load> =>
  entry((directory) => loadPaperData(name, directory), 'paper/data');

/** Data sets. */
export const DATA: Readonly<Record<StudyDataName, Entry<Load>>> = {
  'fashion-mnist': entry(plain(loadFashionMnist), 'data/fashion-mnist'),
  mnist: entry(
    plain(() => loadMnistDigits()),
    'data/mnist-digits',
  ),
  letters: entry(plain(loadLetters), 'data/letters'),
  'mnist-1d': entry(plain(makeMnist1d), 'data/mnist1d'),
  'cifar-10': paper('cifar-10'),
  'cifar-100': paper('cifar-100'),
  'cifar-10n': paper('cifar-10n'),
  'cifar-100n': paper('cifar-100n'),
};

/** Problems of courses. */
export const PROBLEMS: Readonly<Record<ProblemName, Entry<Problem>>> = {
  heat: entry(heat, 'problems/equations'),
  'black-scholes': entry(blackScholes, 'problems/equations'),
  poisson: entry(poisson, 'problems/equations'),
  polynomial: entry(polynomial, 'problems/polynomial'),
  text: entry(nextCharacter('the King James Bible', loadBible), 'problems/text'),
};

/** What problems read, fetched before processes that would fetch it at once. */
export const PROBLEM_DATA: Readonly<Partial<Record<ProblemName, (say: (line: string) => void) => Promise<unknown>>>> = {
  text: loadBible,
};

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
  return DATA[name].value(directory, say);
}
