// Whether to work with the CUDA build: the user asks for it, and an NVIDIA driver is there.
// Looks only; installs nothing.

import { existsSync } from 'node:fs';
import { say } from './log.mjs';

const SIGNS = ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/usr/lib/wsl/lib/libcuda.so.1'];

/**
 * True when `TFJS_EMA_GPU=1` asks for the GPU and a driver is seen; a wish without a driver is answered by one line.
 * @param {(path: string) => boolean} [exists] how the machine is asked.
 */
export function wantsGpu(env = process.env, exists = existsSync) {
  if (env.TFJS_EMA_GPU !== '1') return false;
  if (SIGNS.some((path) => exists(path))) return true;
  say(`TFJS_EMA_GPU=1, but no NVIDIA driver is seen (${SIGNS.join(', ')}): working on the CPU`);
  return false;
}
