#!/usr/bin/env node
// Makes a clean clone ready: npm packages, tfjs-node with TensorFlow, the native engine. Run by package.json's pre-scripts.
// Plain Node, no packages; each step is skipped in milliseconds when it is done.
//
//   node tools/tensorflow/bootstrap.mjs [deps] [tensorflow] [addon]     default: all three; each includes those before it that it needs
//
// TFJS_EMA_CACHE       folder for what is downloaded and built (default: ~/.cache/tfjs-ema)
// TFJS_EMA_TENSORFLOW  "pypi": do not try tfjs-node's own installer first
// TFJS_EMA_GPU=1       tfjs-node-gpu and TensorFlow's CUDA build, where an NVIDIA driver is seen
// TFJS_EMA_SKIP_ADDON=1  do not build the native engine

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `tfjs-ema: Node.js 20.19 or newer is needed, this is ${process.versions.node}\n` +
      '  fix: install a current Node.js (for example "nvm install 20"), then run again\n',
  );
  process.exit(1);
}

// Imported only now: an old Node would stop at their syntax or imports, without the line above.
const { bootstrap, report } = await import('./steps.mjs');
try {
  await bootstrap(process.argv.slice(2));
} catch (error) {
  report(error);
  process.exit(1);
}
