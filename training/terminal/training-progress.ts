import type { StepLine, ValidationLine } from '../loop/run-log.ts';
import type { Progress, ProgressBars } from './progress.ts';

/** Steps over which speed and waiting are averaged. */
const RECENT = 20;

/** A training run as a progress bar: time left, loss and its parts, images/s, waiting for data, validation. */
export class TrainingProgress {
  readonly #bars: ProgressBars;
  readonly #title: string;
  readonly #steps: number;
  readonly #recent: StepLine[] = [];
  #bar: Progress | undefined;
  #note = '';
  #validation = '';

  constructor(bars: ProgressBars, title: string, steps: number) {
    this.#bars = bars;
    this.#title = title;
    this.#steps = steps;
  }

  step(line: StepLine): void {
    // A run that is resumed begins where it was, which its first step tells.
    const begin = performance.now() - 1000 * line.seconds;
    this.#bar ??= this.#bars.start(this.#title, this.#steps, begin, line.step - 1);
    this.#recent.push(line);
    if (this.#recent.length > RECENT) this.#recent.shift();
    const total = (of: (line: StepLine) => number) => this.#recent.reduce((sum, one) => sum + of(one), 0);
    const seconds = total((one) => one.seconds);
    const parts = Object.entries(line.parts).map(([name, value]) => `${name} ${value.toFixed(3)}`);
    const waiting = (100 * total((one) => one.waitingSeconds)) / seconds;
    this.#note =
      `loss ${line.loss.toFixed(3)}${parts.length > 1 ? ` (${parts.join(', ')})` : ''}, ` +
      `${(total((one) => one.images) / seconds).toFixed(0)} images/s, ` +
      `${waiting.toFixed(0)} % waiting for data`;
    // The last step is yet to be validated, and what was validated before it is not its mAP.
    if (line.step === this.#steps) this.#validation = '';
    this.#bar.update(line.step, this.#note + this.#validation);
  }

  validation({ validation }: ValidationLine, best: boolean): void {
    this.#validation = `, mAP ${(100 * validation.mAP).toFixed(2)} %${best ? ' (best)' : ''}`;
    this.#bar?.note(this.#note + this.#validation);
  }
}
