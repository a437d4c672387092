import { MultiBar, Presets, type SingleBar } from 'cli-progress';

/** Progress of one long piece of work. */
export interface Progress {
  /** @param note a few words shown behind the bar. */
  update(done: number, note?: string): void;
}

/**
 * Progress bars on standard error, one a line, with the time that is left. Where standard error is no
 * terminal each piece of work gets a line when it ends, so that logs stay readable.
 */
export class ProgressBars {
  readonly #bars: MultiBar | undefined;
  readonly #started = new Map<string, { bar: SingleBar | undefined; begin: number }>();

  constructor() {
    this.#bars = process.stderr.isTTY
      ? new MultiBar(
          {
            format: '  {title} {bar} {percentage}%  {left}  {note}',
            formatValue: (value, _options, type) =>
              type === 'percentage' ? String(value).padStart(3) : String(value),
            barsize: 24,
            hideCursor: true,
            stream: process.stderr,
          },
          Presets.shades_classic,
        )
      : undefined;
  }

  start(title: string, total: number): Progress {
    const begin = performance.now();
    const bar = this.#bars?.create(total, 0, { title: title.padEnd(30), left: '', note: '' });
    this.#started.set(title, { bar, begin });
    return {
      update: (done, note = '') => {
        const elapsed = (performance.now() - begin) / 1000;
        const left = done === 0 ? '' : `${seconds((elapsed / done) * (total - done))} left`.padEnd(10);
        bar?.update(done, { left: done === total ? `in ${seconds(elapsed)}`.padEnd(10) : left, note });
        if (done === total && bar === undefined) {
          process.stderr.write(`  ${title}: ${total} in ${seconds(elapsed)}${note && `, ${note}`}\n`);
        }
      },
    };
  }

  /** Leaves the bars as they stand and the terminal to whoever writes next. */
  stop(): void {
    this.#bars?.stop();
  }
}

function seconds(value: number): string {
  return value < 60
    ? `${value.toFixed(value < 10 ? 1 : 0)} s`
    : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}
