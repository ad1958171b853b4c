// A preload script: what a Node process starts as `process.execPath` is TFJS_EMA_NODE, an emulator's; for test-arm64.mjs.
// Starts nothing.
if (process.env.TFJS_EMA_NODE) process.execPath = process.env.TFJS_EMA_NODE;
