// The device that updates run on, judged by what the addon's kernels counted while doctor made updates.
// Reads nothing but its argument.

import type { Check, Device, Facts, ProbeFacts } from './facts.js';

type GoodProbe = ProbeFacts & { readonly registration: { readonly gpuReason: string } };

/** What to do about what must not happen. */
export const REPORT = "use engine: 'js', and report this with the output of doctor --json";

/** The device whose kernel counted every update of the trial; undefined when none did. */
export function provenDevice(probe: ProbeFacts | undefined): Device | undefined {
  const engines = probe?.engines;
  if (engines === undefined || engines.engine !== 'native') return undefined;
  const devices: readonly Device[] = ['CPU', 'GPU'];
  return devices.find((device) => engines.ran[device] >= engines.updates);
}

/** Whether updates run where tfjs has its tensors. */
export function deviceCheck({ probe, tfjs }: Facts): Check | undefined {
  if (tfjs === undefined || !isRegistered(probe)) return undefined;
  const { usesGpu, engines } = probe;
  if (engines?.engine === 'native') {
    const ranOn = provenDevice(probe);
    if (ranOn === undefined) return uncounted(engines);
    const proof = `updates ran on ${ranOn} (its kernel counted ${engines.ran[ranOn]} of ${engines.updates})`;
    if (ranOn === 'GPU') return { id: 'device', status: 'ok', message: proof, cure: '' };
    if (usesGpu)
      return notOnGpu(
        `tfjs-node runs on the GPU, but ${proof}: ${probe.registration.gpuReason || 'TensorFlow chose so'}`,
      );
    if (tfjs.name === '@tensorflow/tfjs-node-gpu') return noGpu(tfjs.name, proof, probe);
    return { id: 'device', status: 'ok', message: proof, cure: '' };
  }
  if (usesGpu)
    return notOnGpu(`tfjs-node runs on the GPU, but the ops do not: ${probe.registration.gpuReason || 'see engines'}`);
  if (tfjs.name === '@tensorflow/tfjs-node-gpu') return noGpu(tfjs.name, 'no update ran natively', probe);
  return { id: 'device', status: 'warn', message: 'tfjs-node runs on the CPU; no update ran natively', cure: '' };
}

function isRegistered(probe: ProbeFacts | undefined): probe is GoodProbe {
  return probe?.registration !== undefined && !('reason' in probe.registration);
}

function uncounted({ ran, updates }: NonNullable<ProbeFacts['engines']>): Check {
  const message = `of ${updates} updates the kernels counted ${ran.CPU} on CPU and ${ran.GPU} on GPU`;
  return { id: 'device', status: 'fail', message, cure: REPORT };
}

function notOnGpu(message: string): Check {
  const cure = 'update the NVIDIA driver (450 or later); until then updates run slowly, or in JavaScript on the GPU';
  return { id: 'device', status: 'fail', message, cure };
}

function noGpu(name: string, proof: string, { registration }: GoodProbe): Check {
  const why = registration.gpuReason || 'the CUDA driver is there';
  return {
    id: 'device',
    status: 'fail',
    message: `${name} runs on the CPU: TensorFlow found no usable GPU (${why}); ${proof}`,
    cure: 'see the check cuda above; without an NVIDIA GPU use @tensorflow/tfjs-node',
  };
}
