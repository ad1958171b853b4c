// Updates in which one allocation after the other fails, in a process of its own: prints what became of each, as one line of JSON.
// Holds no expectations.

import { EmaError } from '../../../src/base/errors.js';
import { createShadows } from '../../../src/engine/choice.js';
import { floats, tf } from '../../support/models.js';

const SIZES = [70, 3, 1200];
const weights = SIZES.map((size, i) => tf.variable(tf.tensor1d(floats(size, i))));
const next = SIZES.map((size, i) => tf.tensor1d(floats(size, 10 + i)));
// Other alphas for each weight: the update is made in groups, with an allocation between two of them.
const alphas = [0.5, 0.25, 0.125, 0.0625, 0.5, 0.75];

/** An update whose `nth` allocation fails: its outcome, and whether both averages are as before. */
function attempt(nth: number): { code: string; isAsBefore: boolean; isUsable: boolean } {
  const { shadows } = createShadows(tf, 'native', { weights, averages: 2, precision: 'fp32' });
  const read = () =>
    [0, 1].map((k) =>
      tf.tidy(() =>
        shadows.read(k, weights).map((tensor) => Buffer.from(tensor.dataSync().slice().buffer).toString('hex')),
      ),
    );
  const before = JSON.stringify(read());
  let code = '';
  // The addon sees it at once: what node sets is the environment of the process.
  process.env['SCARCE_MEMORY'] = `${nth}`;
  try {
    shadows.update(next, alphas);
  } catch (error) {
    code = error instanceof EmaError ? error.code : `${error}`;
  }
  const hasFailed = process.env['SCARCE_MEMORY'] === undefined;
  delete process.env['SCARCE_MEMORY'];
  const isAsBefore = JSON.stringify(read()) === before;
  shadows.update(next, [1, 1]);
  const isUsable = JSON.stringify(read()) !== before;
  shadows.dispose();
  return { code: hasFailed ? code : 'none left', isAsBefore, isUsable };
}

const outcomes: ReturnType<typeof attempt>[] = [];
// A few dozen at most.
for (let nth = 1; nth < 200; nth += 1) {
  const outcome = attempt(nth);
  outcomes.push(outcome);
  if (outcome.code === 'none left') break;
}
console.log(JSON.stringify(outcomes));
