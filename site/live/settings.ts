// What the live page's parts share: how the images lie in their file, what trains, and how long.
// Loads nothing, so that the page shows before tfjs is there.

/** Images in the file, half a byte a grey, image by image; half a byte a label follows for each. All of it is gzipped. */
export const IMAGES = 3000;
/** Pixels of an image's side. */
export const SIDE = 14;
/** Kinds of clothing. */
export const CLASSES = 10;
/** The first of the images are trained on, the others measured on. */
export const TRAINED = 2400;
/** Where tfjs can train it; wasm has no gradient of convolutions. */
export const BACKENDS = ['webgl', 'webgpu', 'cpu'] as const;
/** One of them. */
export type Backend = (typeof BACKENDS)[number];
/** Averages that are kept: of about 10 steps and of 100. */
export const DECAYS = [0.9, 0.99] as const;
/** Epochs of a training. */
export const EPOCHS = 20;
