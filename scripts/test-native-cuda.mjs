// Builds and runs the stand-alone test of the CUDA launcher on the fake driver, or with --gpu on the machine's own.
// Needs g++ and CMake. Leaves everything in .cache/cuda-core.
//
//   node scripts/test-native-cuda.mjs            fake driver, as in CI
//   node scripts/test-native-cuda.mjs --gpu      real driver and GPU; fails when there is none
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const build = join(root, '.cache', 'cuda-core');

function run(program, ...args) {
  const result = spawnSync(program, args, { stdio: 'inherit', env: { ...process.env, FAKE_GPUS: '3' } });
  if (result.error) throw result.error;
  if (result.status !== 0) {
    throw new Error(`${program} ${args[0]} ended with ${result.signal ?? result.status}`);
  }
}

try {
  run('cmake', '-S', join(root, 'test', 'cuda-core'), '-B', build, '-DCMAKE_BUILD_TYPE=Release');
  run('cmake', '--build', build, '--parallel', '2');
  const test = join(build, 'cuda_core_test');
  if (process.argv.includes('--gpu')) {
    run(test, 'libcuda.so.1');
  } else {
    run(test, '--incomplete', join(build, 'incomplete', 'libcuda.so.1'));
    run(test, join(build, 'fake', 'libcuda.so.1'));
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
