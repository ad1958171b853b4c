// In a page: averages in model.fit; the best one is kept in IndexedDB as a tfjs model, and all of them as a Blob that a later visit goes on from.
// Run: node tools/browser/test-browser.mjs

import * as tf from '@tensorflow/tfjs';
import { WeightEma } from 'tfjs-ema';

/** Trains on, and returns the steps that were counted in all visits. */
export async function visit(model: tf.LayersModel, x: tf.Tensor, y: tf.Tensor): Promise<number> {
  const ema = new WeightEma(tf, { decays: [0.9, 0.99] });
  const before = await blobs<Blob | undefined>((table) => table.get('averages'));
  if (before !== undefined) await ema.loadCheckpoint(before); // the weights: tf.loadLayersModel, by the caller
  await model.fit(x, y, { epochs: 3, validationSplit: 0.2, verbose: 0, callbacks: [ema.callback()] });
  await ema.saveModel('best', 'indexeddb://best'); // or 'downloads://best'
  const averages = await ema.checkpoint();
  await blobs((table) => table.put(averages, 'averages'));
  ema.dispose();
  return ema.steps;
}

/** Does something with a table of IndexedDB. */
async function blobs<T>(use: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open('my-runs');
  opening.onupgradeneeded = () => opening.result.createObjectStore('blobs');
  const database = await answer(opening);
  const result = await answer(use(database.transaction('blobs', 'readwrite').objectStore('blobs')));
  database.close();
  return result;
}

const answer = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
