// Builds and runs the stand-alone test of the CUDA launcher on the fake driver, or with --gpu on the machine's own.
// Needs g++ and CMake. Leaves everything in .cache/cuda-core.
//
//   node tools/native/test-native-cuda.mjs            fake driver, as in CI
//   node tools/native/test-native-cuda.mjs --gpu      real driver and GPU; fails when there is none
import { join } from 'node:path';
import { buildCore, command, run } from './build-core.mjs';

await command(() => {
  const build = buildCore('cuda-core', { source: 'cuda-core', defines: ['CMAKE_BUILD_TYPE=Release'] });
  const test = (...args) => run(join(build, 'cuda_core_test'), args, { env: { FAKE_GPUS: '3' } });
  if (process.argv.includes('--gpu')) {
    test('libcuda.so.1');
  } else {
    test('--incomplete', join(build, 'incomplete', 'libcuda.so.1'));
    test(join(build, 'fake', 'libcuda.so.1'));
  }
});
