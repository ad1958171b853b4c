// What watches the demo's training: a clock for the steps, and a reporter of progress.
// Changes nothing in the training.

import type { Logs, Scalar } from '@tensorflow/tfjs-node';
import type { EmaCallback } from '../../src/index.js';
import { formatBar, formatDuration, type Progress } from '../../tools/shared/terminal.js';
import type { Tf } from '../../tools/shared/tfjs.js';

/** Time spent in training steps; give it to fit before the averages, so that their updates are not in it. */
export interface StepClock {
  readonly seconds: number;
}

/** A clock for the time from the begin of each batch to its end. */
export function stepClock(tf: Tf) {
  return new (class extends tf.Callback implements StepClock {
    seconds = 0;
    #begin = 0;

    override async onBatchBegin(): Promise<void> {
      this.#begin = performance.now();
    }
    override async onBatchEnd(): Promise<void> {
      this.seconds += (performance.now() - this.#begin) / 1000;
    }
  })();
}

/** What the reporter must know of the run. */
export interface RunLength {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/** Writes a line per epoch, and on a terminal the state within it; give it to fit after the averages. */
export function reporter(tf: Tf, ema: EmaCallback, progress: Progress, { epochs, stepsPerEpoch }: RunLength) {
  const width = `${epochs}`.length;
  return new (class extends tf.Callback {
    #begin = 0;
    #epoch = 0;

    override async onTrainBegin(): Promise<void> {
      this.#begin = performance.now();
    }
    override async onEpochBegin(epoch: number): Promise<void> {
      this.#epoch = epoch;
    }
    override async onBatchEnd(batch: number): Promise<void> {
      const done = this.#epoch * stepsPerEpoch + batch + 1;
      const elapsed = this.#elapsed();
      const left = (elapsed / done) * (epochs * stepsPerEpoch - done);
      const place = `epoch ${`${this.#epoch + 1}`.padStart(width)}/${epochs}`;
      progress.update(`${place} ${formatBar(batch + 1, stepsPerEpoch)} about ${formatDuration(left)} left`);
    }
    override async onEpochEnd(epoch: number, logs?: Logs): Promise<void> {
      const validation = ema.validations.at(-1);
      const best = validation?.averages[validation.best ?? 0];
      const cells = [
        `epoch ${`${epoch + 1}`.padStart(width)}/${epochs}`,
        `training loss ${lossOf(logs).toFixed(4)}`,
        `validation accuracy: raw ${percent(validation?.raw['acc'])}, best average ${percent(best?.['acc'])}`,
        formatDuration(this.#elapsed()),
      ];
      progress.log(cells.join('   '));
    }
    #elapsed(): number {
      return (performance.now() - this.#begin) / 1000;
    }
  })();
}

/** The loss of an epoch: tfjs leaves it on the device for callbacks of its class `Callback`, against its own type. */
function lossOf(logs: Logs = {}): number {
  const loss: number | Scalar | undefined = (logs as Readonly<Record<string, number | Scalar>>)['loss'];
  return typeof loss === 'object' ? (loss.dataSync()[0] ?? Number.NaN) : (loss ?? Number.NaN);
}

function percent(share: number | undefined): string {
  return share === undefined ? '?' : `${(100 * share).toFixed(2)} %`;
}
