// libFuzzer on the CPU core: any bytes are a table of weights, held against the oracle under ASan and UBSan.
// Needs clang++ with its runtimes (Debian: apt-get install clang-14 libclang-rt-14-dev), or CLANGXX.
// The corpus stays in .cache/core-fuzz/corpus; a failing input is written beside it, and its path printed.
//
//   node tools/native/fuzz-core.mjs [seconds]     60 unless given
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../tensorflow/run.mjs';
import { buildCore, CACHE, command, run } from './build-core.mjs';

await command(() => {
  const seconds = Number(process.argv[2] ?? 60);
  if (!(seconds > 0)) throw new Error(`expected a number of seconds above 0, received '${process.argv[2]}'`);
  const clang = findProgram([process.env.CLANGXX, 'clang++', 'clang++-19', 'clang++-16', 'clang++-14']);
  if (clang === undefined) {
    throw new Error(
      'no clang++ was found: "apt-get install clang-14 libclang-rt-14-dev" on Debian, or set CLANGXX to its path',
    );
  }
  const build = buildCore('core-fuzz', {
    flags: ['-fsanitize=fuzzer-no-link,address,undefined', '-fno-sanitize-recover=undefined'],
    defines: [`CMAKE_CXX_COMPILER=${clang}`, 'CMAKE_BUILD_TYPE=RelWithDebInfo', 'FUZZ=ON'],
    targets: ['core_fuzz'],
  });
  const corpus = join(CACHE, 'core-fuzz', 'corpus');
  mkdirSync(corpus, { recursive: true });
  run(join(build, 'core_fuzz'), [
    ...[corpus, `-artifact_prefix=${join(CACHE, 'core-fuzz')}/failed-`],
    ...[`-max_total_time=${seconds}`, '-max_len=8192', '-timeout=10', '-rss_limit_mb=2048', '-print_final_stats=1'],
  ]);
});
