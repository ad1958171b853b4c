// The weights of a tfjs model as its files have them: bytes, cut as `model.json` says.
// Opens no files, and makes no tensors.

import type { io } from '@tensorflow/tfjs';
import { quote } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import type { StoredTensor } from './safetensors.js';
import { TOPOLOGY } from './save-model.js';

/** One weight as its file has it. */
export interface FileWeight {
  readonly name: string;
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly value: StoredTensor;
}

/**
 * Each weight's bytes, one after the other.
 * @param folder of the model, for messages.
 * @throws {@link EmaError} CHECKPOINT — they are not what the specs say.
 */
export function cut(folder: string, data: Uint8Array, specs: readonly io.WeightsManifestEntry[]): FileWeight[] {
  let at = 0;
  const weights = specs.map(({ name, shape, dtype, quantization }): FileWeight => {
    if (quantization !== undefined) throw noModel(folder, `quantized weights, such as ${quote(name)}`);
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool')
      throw noModel(folder, `weight ${quote(name)} of type ${quote(`${dtype}`)}`);
    const begin = at;
    at += shape.reduce((product, size) => product * size, dtype === 'bool' ? 1 : Float32Array.BYTES_PER_ELEMENT);
    if (at > data.length) throw noModel(folder, `${data.length} bytes of weights, too few for ${quote(name)}`);
    return { name, dtype, value: storedAs(data.slice(begin, at), { shape, dtype }) };
  });
  if (at === data.length) return weights;
  throw noModel(folder, `${data.length} bytes of weights where ${TOPOLOGY} has ${at}`);
}

function storedAs(
  bytes: Uint8Array<ArrayBuffer>,
  { shape, dtype }: { readonly shape: readonly number[]; readonly dtype: FileWeight['dtype'] },
): StoredTensor {
  switch (dtype) {
    case 'float32':
      return { dtype: 'F32', shape, data: new Float32Array(bytes.buffer) };
    case 'int32':
      return { dtype: 'I32', shape, data: new Int32Array(bytes.buffer) };
    case 'bool':
      return { dtype: 'BOOL', shape, data: bytes };
    default:
      return dtype satisfies never;
  }
}

/** The error for what tfjs did not write. */
export function noModel(folder: string, received: string, cause?: unknown): EmaError {
  const expected = `expected a layers model as model.save('file://${folder}') of tfjs writes it`;
  return new EmaError('CHECKPOINT', `${folder}: ${expected}, received ${received}.`, { cause });
}
