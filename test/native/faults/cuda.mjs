// Guards of native/ on the GPU's side, each with the text to look for, what is put in its place, and the test that must then fail.
// Data only; tools/native/planted-faults.mjs plants them. A fault must still compile.

export const faults = [
  {
    name: 'a tensor of another device is refused',
    file: 'native/cuda/ema_cuda_module.cc',
    find: 'if (owner == device) return Status();',
    replace: 'if (owner >= 0 && device >= 0) return Status();',
    test: 'cuda',
  },
  {
    name: 'a stream of another context is refused',
    file: 'native/cuda/ema_cuda_module.cc',
    find: 'if (owner == context) return Status();',
    replace: 'if (owner != nullptr || context != nullptr) return Status();',
    test: 'cuda',
  },
  {
    name: 'a thread without a context is told so',
    file: 'native/cuda/ema_cuda_module.cc',
    find: 'if (context == nullptr) {',
    replace: 'if (false && context == nullptr) {',
    test: 'cuda',
  },
  {
    name: 'a failed launch is reported',
    file: 'native/cuda/ema_cuda_module.cc',
    find: '  return FromCuda((std::string("cuLaunchKernel(") + kernel.name + ")").c_str(), result);',
    replace: '  return Status();',
    test: 'cuda',
  },
  {
    name: 'a misaligned weight is refused on the GPU',
    file: 'native/cuda/ema_cuda.cc',
    find: '    if (Status status = Check(segment); !status.ok()) return status;\n',
    replace: '',
    test: 'cuda',
  },
  {
    name: 'a table on the GPU holds no more entries than fit',
    file: 'native/cuda/ema_cuda.cc',
    find: 'table_.count + entries <= kUpdateEntries &&',
    replace: 'table_.count + entries <= kUpdateEntries + 2 &&',
    test: 'cuda',
  },
  {
    name: 'a driver without a function is named',
    file: 'native/cuda/cuda_api.cc',
    find: 'if (missing.empty())',
    replace: 'if (!missing.empty() || missing.empty())',
    test: 'cuda',
  },
];
