// Builds and runs the stand-alone test of the CPU core: tables, sizes, offsets, special values, random tables, threads.
// Needs g++ and CMake. Leaves everything in .cache/core.
//
//   node tools/native/test-core.mjs
import { join } from 'node:path';
import { buildCore, command, run } from './build-core.mjs';

await command(() => {
  const build = buildCore('core', { defines: ['CMAKE_BUILD_TYPE=Release'] });
  run(join(build, 'core_test'), []);
  run(join(build, 'core_race'), []);
});
