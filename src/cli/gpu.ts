// What `doctor --gpu` found on a GPU, judged: are the kernels right, are they in TensorFlow's order, how fast are they.
// Reads nothing but its argument.

import { provenDevice, REPORT } from './device.js';
import type { Check, CheckId, Facts, GpuFacts } from './facts.js';

/** An H200 reached 1.03; below this something else uses the card, or the card is not what the kernel was made for. */
const LEAST_SHARE = 0.7;
/** Share of the queued work that a call which waits for nothing stays below. */
const MOST_WAIT = 0.25;

/** The checks of `--gpu`: one that says why, where there is no GPU to try. */
export function gpuChecks(facts: Facts): Check[] {
  const { gpu } = facts;
  if (gpu === undefined) return [noGpu(facts)];
  return [kernels(gpu), order(gpu), speed(gpu)];
}

function noGpu({ probe, tfjs }: Facts): Check {
  const ranOn = provenDevice(probe);
  const why = ranOn === undefined ? 'no update ran natively' : `updates ran on ${ranOn}`;
  const message = `there is no GPU to try: ${why}, with ${tfjs === undefined ? 'no tfjs' : tfjs.name}`;
  const cure =
    tfjs?.name === '@tensorflow/tfjs-node-gpu'
      ? 'see the checks cuda and device above'
      : 'an NVIDIA GPU is used by @tensorflow/tfjs-node-gpu alone';
  return { id: 'gpu-kernel', status: 'warn', message, cure };
}

function check(id: CheckId, isOk: boolean, message: string): Check {
  return { id, status: isOk ? 'ok' : 'fail', message, cure: isOk ? '' : REPORT };
}

function unreached(id: CheckId, { error }: GpuFacts): Check {
  return check(id, false, `was not reached: ${error ?? 'no reason given'}`);
}

function kernels(gpu: GpuFacts): Check {
  if (gpu.kernels === undefined) return unreached('gpu-kernel', gpu);
  const { models, floats, differing } = gpu.kernels;
  const numbers = `${floats} numbers of ${models} random models`;
  const message =
    differing === 0
      ? `${numbers} equal the CPU kernel's to the bit`
      : `${differing} of ${numbers} differ from the CPU kernel's`;
  return check('gpu-kernel', differing === 0, `${message}${gpu.card === undefined ? '' : ` (${gpu.card})`}`);
}

function order(gpu: GpuFacts): Check {
  if (gpu.order === undefined) return unreached('gpu-order', gpu);
  const { hostMs, queuedMs, isRight } = gpu.order;
  const times = `update() took ${hostMs.toFixed(2)} ms with ${queuedMs.toFixed(1)} ms of work before it`;
  if (!isRight)
    return check('gpu-order', false, `an update did not wait for the weights that TensorFlow computes; ${times}`);
  const isQuick = hostMs < MOST_WAIT * queuedMs;
  const found = isQuick
    ? "runs on TensorFlow's stream, and the host waits for nothing"
    : 'the host waits for the device';
  return check('gpu-order', isQuick, `${found}: ${times}`);
}

function speed(gpu: GpuFacts): Check {
  if (gpu.speed === undefined) return unreached('gpu-speed', gpu);
  const { floats, updateMs, copyMs } = gpu.speed;
  // An update reads weight and average and writes the average, a copy reads and writes: 12 and 8 bytes a number.
  const gigabytes = (12 * floats) / updateMs / 1e6;
  const share = gigabytes / ((8 * floats) / copyMs / 1e6);
  const message = `${floats} weights in ${updateMs.toFixed(3)} ms: ${gigabytes.toFixed(0)} GB/s, ${share.toFixed(2)} of the speed of TensorFlow's copy`;
  if (share >= LEAST_SHARE) return check('gpu-speed', true, message);
  return { id: 'gpu-speed', status: 'warn', message, cure: 'run it again with nothing else on the card' };
}
