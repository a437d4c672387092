import { MultiBar, Presets, type SingleBar } from 'cli-progress';

/** Progress of one long piece of work. */
export interface Progress {
  /** @param note a few words shown behind the bar. */
  update(done: number, note?: string): void;
  /** Changes the words behind the bar, where there is a bar. */
  note(words: string): void;
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

  /**
   * @param begin when the work began, where that was before.
   * @param from how much of it was done by then.
   */
  start(title: string, total: number, begin = performance.now(), from = 0): Progress {
    const bar = this.#bars?.create(total, 0, { title: title.padEnd(30), left: '', note: '' });
    this.#started.set(title, { bar, begin });
    return {
      update: (done, note = '') => {
        const elapsed = (performance.now() - begin) / 1000;
        const each = elapsed / (done - from);
        const left = done === from ? '' : `${seconds(each * (total - done))} left`.padEnd(10);
        bar?.update(done, { left: done === total ? `in ${seconds(elapsed)}`.padEnd(10) : left, note });
        if (done === total && bar === undefined) {
          process.stderr.write(`  ${title}: ${total} in ${seconds(elapsed)}${note && `, ${note}`}\n`);
        }
      },
      note: (words) => bar?.update({ note: words }),
    };
  }

  /** Leaves the bars as they stand and the terminal to whoever writes next. */
  stop(): void {
    this.#bars?.stop();
  }
}

/** Work that takes less shows nothing. */
const QUICK_MS = 5_000;

/** Does a piece of work, and shows how far it is where it takes long. */
export async function withProgress<T>(
  title: string,
  work: (progress: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const begin = performance.now();
  let bars: ProgressBars | undefined;
  let progress: Progress | undefined;
  try {
    return await work((done, total) => {
      if (progress === undefined) {
        if (performance.now() - begin < QUICK_MS) return;
        bars = new ProgressBars();
        progress = bars.start(title, total, begin);
      }
      progress.update(done);
    });
  } finally {
    bars?.stop();
  }
}

function seconds(value: number): string {
  return value < 60
    ? `${value.toFixed(value < 10 ? 1 : 0)} s`
    : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}
