// The next character of a text by a small Transformer, which has no BatchNorm.
// Reads no files: the text is handed in.

import type { Scalar, Tensor, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-node';
import { seededRandom } from '../../tools/shared/random.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import { drawsOf, type Part, type Problem } from './problem.js';

const CONTEXT = 64;
const WIDTH = 64;
const HEADS = 2;
const LAYERS = 2;
const HIDDEN = 4 * WIDTH;
/** Shares of the text, in its order, that train and that validate; the rest tests. */
const TRAIN = 0.9;
const VALIDATE = 0.05;
/** Pieces to judge on, evenly over their part of the text. */
const PIECES: Readonly<Record<Part, number>> = { validation: 48, test: 96 };

/** A text as numbers of its characters. */
interface Corpus {
  readonly codes: Int32Array;
  readonly characters: number;
}

function toCorpus(text: string): Corpus {
  const characters = [...new Set(text)].sort();
  const code = new Map(characters.map((character, index) => [character, index]));
  return { codes: Int32Array.from(text, (character) => code.get(character) ?? 0), characters: characters.length };
}

/** Weights by name. */
type Weights = Readonly<Record<string, Variable>>;

function makeWeights(tf: Tf, characters: number, seed: number): Weights {
  const { normal } = drawsOf(seededRandom(2 * seed));
  const matrix = (rows: number, columns: number, deviation: number): Variable => {
    const values = normal(rows * columns).map((value) => deviation * value);
    return tf.tidy(() => tf.variable(tf.tensor2d(values, [rows, columns])));
  };
  const ones = (): Variable => tf.tidy(() => tf.variable(tf.ones([WIDTH])));
  const layer = (index: number): [string, Variable][] => [
    [`layer${index}/norm1`, ones()],
    [`layer${index}/query`, matrix(WIDTH, WIDTH, WIDTH ** -0.5)],
    [`layer${index}/key`, matrix(WIDTH, WIDTH, WIDTH ** -0.5)],
    [`layer${index}/value`, matrix(WIDTH, WIDTH, WIDTH ** -0.5)],
    [`layer${index}/out`, matrix(WIDTH, WIDTH, WIDTH ** -0.5 / Math.sqrt(2 * LAYERS))],
    [`layer${index}/norm2`, ones()],
    [`layer${index}/up`, matrix(WIDTH, HIDDEN, WIDTH ** -0.5)],
    [`layer${index}/down`, matrix(HIDDEN, WIDTH, HIDDEN ** -0.5 / Math.sqrt(2 * LAYERS))],
  ];
  return Object.fromEntries([
    ['characters', matrix(characters, WIDTH, 0.1)],
    ['positions', matrix(CONTEXT, WIDTH, 0.1)],
    ...Array.from({ length: LAYERS }, (_, index) => layer(index)).flat(),
    ['norm', ones()],
    ['head', matrix(WIDTH, characters, WIDTH ** -0.5)],
  ]);
}

/** Logits of the next character at every place of every piece, row by row. */
function logits(tf: Tf, weights: Weights, codes: Tensor2D): Tensor2D {
  const weight = <T extends Tensor>(name: string): T => weights[name] as unknown as T;
  const [pieces = 0] = codes.shape;
  const times = (x: Tensor2D, name: string): Tensor2D => tf.matMul(x, weight<Tensor2D>(name));
  const norm = (x: Tensor2D, name: string): Tensor2D => {
    const size = tf.rsqrt(tf.add(tf.mean(tf.square(x), 1, true), 1e-6));
    return tf.mul(tf.mul(x, size), weight(name));
  };
  const heads = (x: Tensor2D): Tensor3D => {
    const split = tf.transpose(tf.reshape(x, [pieces, CONTEXT, HEADS, WIDTH / HEADS]), [0, 2, 1, 3]);
    return tf.reshape(split, [pieces * HEADS, CONTEXT, WIDTH / HEADS]);
  };
  const later = tf.mul(-1e9, tf.sub(1, tf.linalg.bandPart(tf.ones([CONTEXT, CONTEXT]), -1, 0)));
  const attend = (x: Tensor2D, layer: string): Tensor2D => {
    const [query, key, value] = ['query', 'key', 'value'].map((name) => heads(times(x, `${layer}/${name}`)));
    const scores = tf.mul(tf.matMul(query as Tensor3D, key as Tensor3D, false, true), (WIDTH / HEADS) ** -0.5);
    const mixed = tf.matMul(tf.softmax(tf.add(scores, later)) as Tensor3D, value as Tensor3D);
    const joined = tf.transpose(tf.reshape(mixed, [pieces, HEADS, CONTEXT, WIDTH / HEADS]), [0, 2, 1, 3]);
    return times(tf.reshape(joined, [pieces * CONTEXT, WIDTH]), `${layer}/out`);
  };
  const embedded = tf.add(tf.gather(weight<Tensor2D>('characters'), codes), weight('positions'));
  let x = tf.reshape(embedded, [pieces * CONTEXT, WIDTH]) as Tensor2D;
  for (let index = 0; index < LAYERS; index += 1) {
    const layer = `layer${index}`;
    x = tf.add(x, attend(norm(x, `${layer}/norm1`), layer));
    x = tf.add(x, times(tf.relu(times(norm(x, `${layer}/norm2`), `${layer}/up`)), `${layer}/down`));
  }
  return times(norm(x, 'norm'), 'head');
}

/** Mean surprise of the characters that follow, in nats. */
function surprise(tf: Tf, weights: Weights, { codes, characters }: Corpus, starts: readonly number[]): Scalar {
  const piece = (start: number): Int32Array => codes.subarray(start, start + CONTEXT);
  const table = (shift: number): Int32Array => Int32Array.from(starts.flatMap((start) => [...piece(start + shift)]));
  const wanted = tf.oneHot(tf.tensor1d(table(1), 'int32'), characters);
  const given = tf.tensor2d(table(0), [starts.length, CONTEXT], 'int32');
  return tf.losses.softmaxCrossEntropy(wanted, logits(tf, weights, given)) as Scalar;
}

/**
 * The problem of a text.
 * @param title of the text.
 * @param load reads it; called once.
 */
export function nextCharacter(title: string, load: () => Promise<string>): Problem {
  let corpus: Promise<Corpus> | undefined;
  const start: Problem['start'] = async (tf, { seed, batchSize }) => {
    corpus ??= load().then(toCorpus);
    const data = await corpus;
    const weights = makeWeights(tf, data.characters, seed);
    const random = seededRandom(2 * seed + 1);
    const { length } = data.codes;
    const from: Readonly<Record<Part, number>> = { validation: TRAIN * length, test: (TRAIN + VALIDATE) * length };
    const size: Readonly<Record<Part, number>> = {
      validation: VALIDATE * length,
      test: (1 - TRAIN - VALIDATE) * length,
    };
    return {
      weights,
      loss: () => {
        const starts = Array.from({ length: batchSize }, () => Math.floor(random() * (TRAIN * length - CONTEXT - 1)));
        return surprise(tf, weights, data, starts);
      },
      error: async (part) => {
        const every = (size[part] - CONTEXT - 1) / PIECES[part];
        const starts = Array.from({ length: PIECES[part] }, (_, index) => Math.floor(from[part] + every * index));
        const value = tf.tidy(() => surprise(tf, weights, data, starts));
        const [error = Number.NaN] = await value.data();
        value.dispose();
        return error;
      },
      dispose: () => tf.dispose(weights),
    };
  };
  return {
    description: `the next character of ${title}, Transformer of 2 layers and 64 units`,
    measure: 'nats per character',
    start,
  };
}
