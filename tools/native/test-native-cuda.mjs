// Builds and runs the stand-alone test of the CUDA launcher on the fake driver, or with --gpu on the machine's own. The fake one runs the
// kernels twice: compiled for the host, and as the PTX text that the addon carries, interpreted.
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
    for (const driver of ['fake', 'ptx']) {
      console.log(driver === 'ptx' ? 'the PTX text, interpreted:' : 'kernels compiled for the host:');
      test(join(build, driver, 'libcuda.so.1'));
    }
  }
});
