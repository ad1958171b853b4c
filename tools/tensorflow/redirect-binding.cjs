// Preloaded by with-tf.mjs into every Node process and worker: tfjs-node's binding is loaded from TFJS_EMA_TFJS_BINDING.
// CommonJS, because --require also reaches worker threads; nothing else is redirected.

const { basename } = require('node:path');

const replacement = process.env.TFJS_EMA_TFJS_BINDING;
if (replacement) {
  const dlopen = process.dlopen;
  process.dlopen = function redirected(module, filename, ...rest) {
    const target = basename(filename) === 'tfjs_binding.node' ? replacement : filename;
    return dlopen.call(this, module, target, ...rest);
  };
}
