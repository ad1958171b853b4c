// Wrong instructions in the PTX text that the addon carries, each at its first place in a kernel; the suite that interprets the text must see it.
// Data only; tools/native/planted-faults.mjs plants them. Patterns name no register, since a new compilation numbers them anew.

/** A fault at the first `find` after a kernel's head, which stays: in `replace` the groups of `find` begin with $2. */
const inKernel = (kernel, name, find, replace) => ({
  name: `${kernel}: ${name}`,
  file: 'native/cuda/ptx/ema_kernel.ptx',
  find: new RegExp(`(\\.entry ${kernel}\\([\\s\\S]*?)${find}`),
  replace: `$1${replace}`,
  test: 'ptx',
});

const REGISTER = '%[a-z]+\\d+';

export const faults = [
  inKernel('ema_update_1', 'the padding is shifted out by one bit more', `(shr\\.u64.*), 60;`, '$2, 61;'),
  inKernel('ema_update_1', 'the second vector of a straight tile, off by one', `(add\\.s32.*), 256;`, '$2, 257;'),
  inKernel('ema_update_2', 'the loop over a straight tile, off by one', `(mov\\.u32.*), 512;`, '$2, 511;'),
  inKernel(
    'ema_update_1',
    'the loop over a mixed tile takes every other vector',
    `(add\\.s32.*), 1;\\nsetp\\.ne`,
    '$2, 2;\nsetp.ne',
  ),
  inKernel('ema_update_1', 'the search takes the entry before', 'setp\\.gt\\.u32', 'setp.ge.u32'),
  inKernel('ema_update_1', 'the alpha of the next average', `(ld\\.param\\.f32.*)\\+24\\]`, '$2+28]'),
  inKernel('ema_update_1', 'parameters on no boundary of theirs', `(ld\\.param\\.v2\\.u32.*)\\+56\\]`, '$2+60]'),
  inKernel('ema_update_2', 'the row stride from a wrong place', `(ld\\.param\\.u64.*)\\+16\\]`, '$2+8]'),
  inKernel('ema_update_1', 'vectors of weights on 8-byte boundaries', `(and\\.b64.*), 15;`, '$2, 7;'),
  inKernel('ema_update_1', 'padding is moved as well', `(setp\\.gt\\.u32.*), 2;`, '$2, 1;'),
  inKernel('ema_update_1', 'a register without a value', `(sub\\.rn\\.f32 \\t%f)\\d+`, '$20'),
  inKernel(
    'ema_update_1',
    'two roundings in the place of one',
    `fma\\.rn\\.f32 \\t(${REGISTER}), (${REGISTER}), (${REGISTER}), (${REGISTER});`,
    'fma.rn.f32 \t$2, $3, $4, 0f80000000;\nadd.rn.f32 \t$2, $2, $5;',
  ),
  inKernel(
    'ema_update_1',
    'operands of the fma swapped',
    `(fma\\.rn\\.f32 \\t${REGISTER}, ${REGISTER}), (${REGISTER}), (${REGISTER});`,
    '$2, $4, $3;',
  ),
  inKernel(
    'ema_compensated_8',
    'a difference turned round',
    `(sub\\.rn\\.f32 \\t${REGISTER}), (${REGISTER}), (${REGISTER});`,
    '$2, $4, $3;',
  ),
  inKernel('ema_compensated_1', 'the high parts in the place of the low ones', `(ld\\.param\\.u64.*)\\+8\\]`, '$2]'),
  inKernel('ema_copy', 'the tail loop, off by one', `(add\\.s64.*), 256;`, '$2, 255;'),
  inKernel('ema_read', 'the shadow in the place of the weight', `(ld\\.param\\.u64.*)\\+392\\]`, '$2+384]'),
  inKernel('ema_statistics', 'no barrier', 'bar\\.sync \\t0;\\n', ''),
  inKernel('ema_statistics', 'a barrier that some threads pass by', '(bar\\.sync \\t0;\\n)(setp.*\\n@.*\\n)', '$3$2'),
  inKernel('ema_statistics', 'a figure from the place of another', `(ld\\.shared\\.f64.*6shared)\\+24\\]`, '$2+32]'),
];
