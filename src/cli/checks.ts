// Judging facts: each check is a pure function from facts to a sentence and a cure.
// Reads nothing but its argument.

import { CUDA_LIBRARIES, cureLoading, installCuda, runScript } from './cures.js';
import { deviceCheck, provenDevice } from './device.js';
import type { Check, Facts, PackageCopy } from './facts.js';

type Judge = (facts: Facts) => Check | undefined;

const OLDEST_GLIBC = '2.28';

/** All checks that apply, in the order in which their causes build on each other. */
export function judge(facts: Facts): Check[] {
  const judges: Judge[] = [
    node,
    addon,
    selfTest,
    tfjs,
    copies,
    binding,
    compat,
    cuda,
    tensorflow,
    ops,
    deviceCheck,
    engines,
  ];
  return judges.map((check) => check(facts)).filter((check) => check !== undefined);
}

/** Which engine `engine: 'auto'` takes here, and where it runs. */
export function verdict(facts: Facts): string {
  const { engines } = facts.probe ?? {};
  if (engines?.engine === 'native') {
    const device = provenDevice(facts.probe);
    return device === undefined ? 'Updates run natively.' : `Updates run natively, on the ${device}.`;
  }
  if (engines?.engine === 'js') return 'Updates run in JavaScript: correct, but slower than the native engine.';
  return 'Updates cannot run here yet.';
}

function ok(id: Check['id'], message: string): Check {
  return { id, status: 'ok', message, cure: '' };
}

function node({ node }: Facts): Check {
  const { version, napi, platform, arch, glibc } = node;
  const message = `Node ${version}, Node-API ${napi}, ${platform} ${arch}${glibc === undefined ? '' : `, glibc ${glibc}`}`;
  if (isOlder(version, '20.19') || napi < 8) {
    return {
      id: 'node',
      status: 'fail',
      message,
      cure: 'Node 20.19 or later is needed: install the current LTS release of Node',
    };
  }
  if (glibc !== undefined && isOlder(glibc, OLDEST_GLIBC)) {
    const cure = `the binaries need glibc ${OLDEST_GLIBC} (Debian 10, Ubuntu 20.04, RHEL 8, or later); until then updates run in JavaScript`;
    return { id: 'node', status: 'warn', message, cure };
  }
  return ok('node', message);
}

function addon({ addon, node }: Facts): Check {
  if ('reason' in addon)
    return { id: 'addon', status: 'warn', message: addon.reason, cure: addonCure(addon.reason, node) };
  const { path, sha256, published, build } = addon;
  const origin = published ? 'as published' : 'not in the published list: built here';
  return ok(
    'addon',
    `${path} (version ${build.version}, ${build.cpuKernel} kernel, ${build.threads} threads), SHA-256 ${sha256}, ${origin}`,
  );
}

function addonCure(reason: string, { platform, arch, glibc }: Facts['node']): string {
  if (!reason.includes('No native build')) return 'reinstall tfjs-ema; if that does not help, report the message above';
  const here = platform === 'linux' && glibc === undefined ? `${platform}-${arch} with musl` : `${platform}-${arch}`;
  return `binaries exist for linux-x64 and linux-arm64 with glibc, darwin-arm64, darwin-x64 and win32-x64; none was found for ${here}: updates run in JavaScript, with the same results`;
}

function selfTest({ addon }: Facts): Check | undefined {
  if ('reason' in addon) return undefined;
  const { compared, differing } = addon.selfTest;
  if (differing === 0) return ok('self-test', `${compared} numbers updated by the addon equal JavaScript's to the bit`);
  const message = `${differing} of ${compared} numbers updated by the addon differ from JavaScript's`;
  return {
    id: 'self-test',
    status: 'fail',
    message,
    cure: "use engine: 'js', and report this with the output of doctor --json",
  };
}

function tfjs({ tfjs, directory }: Facts): Check {
  if (tfjs === undefined) {
    const message = `no @tensorflow/tfjs-node, tfjs-node-gpu or tfjs can be imported from ${directory}`;
    return {
      id: 'tfjs',
      status: 'fail',
      message,
      cure: "in the app's folder: npm install @tensorflow/tfjs-node",
    };
  }
  const message = `${tfjs.name} ${tfjs.version} in ${tfjs.path}`;
  if (tfjs.name !== '@tensorflow/tfjs') return ok('tfjs', message);
  const cure = 'for native updates: npm install @tensorflow/tfjs-node, and import it instead of @tensorflow/tfjs';
  return { id: 'tfjs', status: 'warn', message: `${message}; without tfjs-node updates run in JavaScript`, cure };
}

function copies({ copies }: Facts): Check | undefined {
  const cores = copies.filter(({ name }) => name === '@tensorflow/tfjs-core' || name === '@tensorflow/tfjs-layers');
  const twice = cores.filter(({ name }) => cores.filter((copy) => copy.name === name).length > 1);
  const both = copies.filter(({ name }) => name === '@tensorflow/tfjs-node' || name === '@tensorflow/tfjs-node-gpu');
  if (twice.length > 0) {
    const message = `more than one copy of tfjs: ${list(twice)}; models and callbacks of one are strangers to the other`;
    return {
      id: 'copies',
      status: 'warn',
      message,
      cure: 'give all tfjs packages the same version in package.json, then: npm dedupe',
    };
  }
  if (new Set(both.map(({ name }) => name)).size > 1) {
    const message = `both ${list(both)} are installed: a process that loads both has two TensorFlows`;
    return { id: 'copies', status: 'warn', message, cure: 'remove the one that the app does not import' };
  }
  return cores.length === 0 ? undefined : ok('copies', `one copy of tfjs: ${list(cores)}`);
}

function list(copies: readonly PackageCopy[]): string {
  return copies.map(({ name, version, path }) => `${name} ${version} (${path})`).join(', ');
}

function binding({ tfjs }: Facts): Check | undefined {
  if (tfjs === undefined || tfjs.name === '@tensorflow/tfjs') return undefined;
  const { name, scriptRan } = tfjs;
  if (tfjs.binding !== undefined) return ok('binding', tfjs.binding);
  const what = scriptRan
    ? 'ran, but failed before the binding was there'
    : "never ran: the package manager's settings keep it from running";
  const message = `tfjs_binding.node is missing: the install script of ${name} ${what}`;
  return { id: 'binding', status: 'fail', message, cure: runScript(name) };
}

function compat({ probe, node, tfjs }: Facts): Check | undefined {
  if (probe === undefined || tfjs === undefined || tfjs.name === '@tensorflow/tfjs') return undefined;
  if (!probe.needsCompat) return undefined;
  const message = `${tfjs.name} ${tfjs.version} calls util.isNullOrUndefined, which Node ${node.version} no longer has (removed in Node 23): ops fail with a TypeError`;
  const cure = `write import 'tfjs-ema/compat' before the import of ${tfjs.name}, or start with: node --import tfjs-ema/compat app.js`;
  return { id: 'compat', status: 'warn', message, cure };
}

function tensorflow({ probe, tfjs }: Facts): Check | undefined {
  if (probe === undefined || tfjs === undefined) return undefined;
  if (probe.backend === undefined) {
    const reason = probe.error ?? 'no reason given';
    const message = `${tfjs.name} could not be loaded: ${reason}`;
    return { id: 'tensorflow', status: 'fail', message, cure: cureLoading(tfjs.name, reason) };
  }
  const { registration } = probe;
  if (registration === undefined || 'reason' in registration) return undefined;
  return ok('tensorflow', `TensorFlow ${registration.tensorflow} (${registration.tensorflowPath})`);
}

function ops({ addon, probe }: Facts): Check | undefined {
  const registration = probe?.registration;
  if (registration === undefined) return undefined;
  if ('reason' in registration) {
    // That there is no addon has been said, with its own cure.
    if ('reason' in addon) return undefined;
    const cure =
      'TensorFlow 2.7 to 2.21 is supported; updates run in JavaScript. Report the message above if your version is among them';
    return { id: 'ops', status: 'warn', message: `the ops could not be registered: ${registration.reason}`, cure };
  }
  return ok(
    'ops',
    `registered for ${registration.devices.join(' and ')}: ${Object.values(registration.ops).join(', ')}`,
  );
}

function engines({ probe }: Facts): Check | undefined {
  if (probe === undefined || probe.backend === undefined) return undefined;
  const { engines, error } = probe;
  if (engines === undefined) {
    const message = `updates fail: ${error ?? 'no reason given'}`;
    return {
      id: 'engines',
      status: 'fail',
      message,
      cure: "use engine: 'js', and report this with the output of doctor --json",
    };
  }
  const { engine, reason, difference, tolerance } = engines;
  if (engine === 'js') return { id: 'engines', status: 'warn', message: `engine js: ${reason}`, cure: '' };
  const figures = `largest difference between native and js ${difference.toExponential(1)}, expected at most ${tolerance.toExponential(1)}`;
  if (difference <= tolerance) return ok('engines', `engine native: ${reason}; ${figures}`);
  return {
    id: 'engines',
    status: 'fail',
    message: figures,
    cure: "use engine: 'js', and report this with the output of doctor --json",
  };
}

function cuda({ cuda, probe }: Facts): Check | undefined {
  if (cuda === undefined) return undefined;
  if (probe?.usesGpu) return ok('cuda', `driver ${cuda.driver ?? 'unknown'}; TensorFlow uses the GPU`);
  if (cuda.driver === undefined) {
    const message =
      'libcuda.so.1 cannot be loaded: there is no NVIDIA driver on this machine, or it is not in this container';
    return {
      id: 'cuda',
      status: 'fail',
      message: message + missingList(cuda.missing),
      cure: `install the NVIDIA driver (in a container: docker run --gpus all); ${cureMissing(cuda.missing)}`,
    };
  }
  if (cuda.missing.length === 0)
    return ok('cuda', `driver ${cuda.driver}; all ${Object.keys(CUDA_LIBRARIES).length} CUDA 11 libraries found`);
  return {
    id: 'cuda',
    status: 'fail',
    message: `driver ${cuda.driver}${missingList(cuda.missing)}`,
    cure: cureMissing(cuda.missing),
  };
}

function missingList(missing: readonly { soname: string }[]): string {
  return missing.length === 0
    ? ''
    : `; missing for TensorFlow 2.9.1: ${missing.map(({ soname }) => soname).join(', ')}`;
}

function cureMissing(missing: readonly { soname: string }[]): string {
  return missing.length === 0
    ? 'the CUDA 11 libraries are all there'
    : installCuda(missing.map(({ soname }) => soname));
}

/** Whether a version such as "2.9" is older than another such as "2.28". */
function isOlder(version: string, limit: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [limitMajor = 0, limitMinor = 0] = limit.split('.').map(Number);
  return major < limitMajor || (major === limitMajor && minor < limitMinor);
}
