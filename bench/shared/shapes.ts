// The weight shapes of well-known networks, computed from their published architectures.
// Holds no tensors and no timing: a shape list is data, for the CPU benchmark and the GPU kernel's alike.

/** The trainable weights of a network, as tfjs lays them out, with the published figures that they must match. */
export interface Network {
  readonly name: string;
  /** What it is, in a few words. */
  readonly title: string;
  /** One shape per weight, in the order of the layers. */
  readonly shapes: readonly (readonly number[])[];
  /** What its authors or the common implementation state. */
  readonly published: { readonly tensors: number; readonly parameters: number; readonly source: string };
}

type Shape = readonly number[];

/** Number of weights in a list of shapes. */
export function parametersOf(shapes: readonly Shape[]): number {
  return shapes.reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

const conv = (size: number, from: number, to: number): Shape[] => [[size, size, from, to]];
const convBias = (size: number, from: number, to: number): Shape[] => [...conv(size, from, to), [to]];
/** Scale and offset of a batch or layer normalisation. */
const norm = (width: number): Shape[] => [[width], [width]];
const dense = (from: number, to: number): Shape[] => [[from, to], [to]];
const repeat = <T>(count: number, make: (index: number) => readonly T[]): T[] =>
  Array.from({ length: count }, (_, i) => make(i)).flat();

function smallCnn(): Shape[] {
  const widths = [3, 16, 32, 64, 64];
  const block = (from: number, to: number): Shape[] => [...convBias(3, from, to), ...norm(to)];
  return [...repeat(4, (i) => block(widths[i] ?? 0, widths[i + 1] ?? 0)), ...dense(4 * 4 * 64, 32), ...dense(32, 10)];
}

/** Four stages of residual blocks behind a stem; the first block of a stage changes the width, by a 1x1 convolution where it must. */
function residualStages(
  depths: Shape,
  stem: number,
  block: (from: number, stage: number) => { shapes: Shape[]; to: number },
): Shape[] {
  const shapes: Shape[] = [];
  let width = stem;
  for (const [stage, depth] of depths.entries()) {
    for (let i = 0; i < depth; i += 1) {
      const { shapes: own, to } = block(width, stage);
      shapes.push(...own);
      if (to !== width) shapes.push(...conv(1, width, to), ...norm(to));
      width = to;
    }
  }
  return shapes;
}

function basicBlock(from: number, stage: number): { shapes: Shape[]; to: number } {
  const to = 64 * 2 ** stage;
  return { shapes: [...conv(3, from, to), ...norm(to), ...conv(3, to, to), ...norm(to)], to };
}

function bottleneck(from: number, stage: number): { shapes: Shape[]; to: number } {
  const inner = 64 * 2 ** stage;
  const to = 4 * inner;
  const shapes = [
    ...conv(1, from, inner),
    ...norm(inner),
    ...conv(3, inner, inner),
    ...norm(inner),
    ...conv(1, inner, to),
    ...norm(to),
  ];
  return { shapes, to };
}

function resnet18(stemSize: number, classes: number): Shape[] {
  return [
    ...conv(stemSize, 3, 64),
    ...norm(64),
    ...residualStages([2, 2, 2, 2], 64, basicBlock),
    ...dense(512, classes),
  ];
}

function resnet50(): Shape[] {
  return [...conv(7, 3, 64), ...norm(64), ...residualStages([3, 4, 6, 3], 64, bottleneck), ...dense(2048, 1000)];
}

/** Pre-activation blocks: normalisation before each convolution, and a bare 1x1 convolution where the width changes. */
function wideResnet(depth: number, widen: number, classes: number): Shape[] {
  const perStage = (depth - 4) / 6;
  const shapes: Shape[] = [...conv(3, 3, 16)];
  let from = 16;
  for (const base of [16, 32, 64]) {
    const to = base * widen;
    for (let i = 0; i < perStage; i += 1) {
      shapes.push(...norm(from), ...conv(3, from, to), ...norm(to), ...conv(3, to, to));
      if (from !== to) shapes.push(...conv(1, from, to));
      from = to;
    }
  }
  return [...shapes, ...norm(from), ...dense(from, classes)];
}

function transformerBlock(width: number): Shape[] {
  const attention = [...dense(width, 3 * width), ...dense(width, width)];
  return [...norm(width), ...attention, ...norm(width), ...dense(width, 4 * width), ...dense(4 * width, width)];
}

function vitB16(): Shape[] {
  const width = 768;
  const embedding: Shape[] = [[1, 1, width], ...convBias(16, 3, width), [1, 197, width]];
  return [...embedding, ...repeat(12, () => transformerBlock(width)), ...norm(width), ...dense(width, 1000)];
}

function gpt2(): Shape[] {
  const width = 768;
  return [[50257, width], [1024, width], ...repeat(12, () => transformerBlock(width)), ...norm(width)];
}

function vgg16(): Shape[] {
  const widths = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512];
  const convolutions = repeat(widths.length, (i) => convBias(3, widths[i - 1] ?? 3, widths[i] ?? 0));
  return [...convolutions, ...dense(7 * 7 * 512, 4096), ...dense(4096, 4096), ...dense(4096, 1000)];
}

const OWN = 'this benchmark';
const TORCHVISION = 'torchvision, table of pre-trained weights';

function network(
  name: string,
  title: string,
  shapes: Shape[],
  published: [tensors: number, parameters: number, source: string],
): Network {
  const [tensors, parameters, source] = published;
  return { name, title, shapes, published: { tensors, parameters, source } };
}

/** Every network of the benchmark, small to large. */
export const NETWORKS: readonly Network[] = [
  network(
    'tiny-20',
    '20 weights of one element: the cost of a call',
    repeat(20, () => [[1]]),
    [20, 20, OWN],
  ),
  network('small-cnn', 'four convolutions for 32x32 images', smallCnn(), [20, 93_994, OWN]),
  network(
    'tiny-10000',
    '10,000 weights of 16 elements',
    repeat(10_000, () => [[16]]),
    [10_000, 160_000, OWN],
  ),
  network(
    'mlp',
    '784-1024-1024-10',
    [...dense(784, 1024), ...dense(1024, 1024), ...dense(1024, 10)],
    [6, 1_863_690, OWN],
  ),
  network('resnet-18-cifar', 'ResNet-18 with a 3x3 stem, 10 classes', resnet18(3, 10), [
    62,
    11_173_962,
    'kuangliu/pytorch-cifar',
  ]),
  network('resnet-18', 'ResNet-18, ImageNet', resnet18(7, 1000), [62, 11_689_512, TORCHVISION]),
  network('resnet-50', 'ResNet-50, ImageNet', resnet50(), [161, 25_557_032, TORCHVISION]),
  network('wrn-28-10', 'Wide ResNet 28-10, CIFAR-10', wideResnet(28, 10, 10), [
    80,
    36_479_194,
    'Zagoruyko and Komodakis 2016, 36.5 M',
  ]),
  network('vit-b-16', 'Vision Transformer B/16, ImageNet', vitB16(), [152, 86_567_656, TORCHVISION]),
  network('gpt-2', 'GPT-2, 124 M', gpt2(), [148, 124_439_808, 'openai/gpt-2, as counted by Hugging Face transformers']),
  network('vgg-16', 'VGG-16, ImageNet', vgg16(), [32, 138_357_544, TORCHVISION]),
];

/**
 * A network by name.
 * @throws Error when there is none; the message lists the names.
 */
export function networkByName(name: string): Network {
  const found = NETWORKS.find((candidate) => candidate.name === name);
  if (found === undefined)
    throw new Error(`no shape '${name}'; there are ${NETWORKS.map((known) => known.name).join(', ')}`);
  return found;
}
