// A preload script: tfjs-node's binding cannot be loaded, as where its install script did not run; for test-plain-tfjs.mjs.
// Hides nothing else.
const dlopen = process.dlopen;
process.dlopen = function withoutBinding(module, filename, ...rest) {
  if (filename.endsWith('tfjs_binding.node')) throw new Error(`${filename} is taken away by test-plain-tfjs.mjs`);
  return dlopen.call(this, module, filename, ...rest);
};
