import { mock } from 'node:test';

interface Event {
  readonly at: number;
  /** Of two at the same time, the one that was set first comes first. */
  readonly order: number;
  readonly action: () => void | Promise<void>;
}

/** Virtual time: what is due next is done next, and `Date` says that it is then. In milliseconds. */
export class Clock {
  now: number;
  #order = 0;
  /** A binary heap. */
  readonly #events: Event[] = [];

  constructor(now: number) {
    this.now = now;
  }

  after(delay: number, action: Event['action']): void {
    this.at(this.now + delay, action);
  }

  at(at: number, action: Event['action']): void {
    const events = this.#events;
    events.push({ at: Math.max(at, this.now), order: this.#order++, action });
    for (let i = events.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (before(events[parent], events[i])) break;
      [events[parent], events[i]] = [events[i], events[parent]];
      i = parent;
    }
  }

  /** Goes on until it is told to stop or nothing is due any more. Each action is over before the next begins. */
  async run(stopped: () => boolean): Promise<void> {
    mock.timers.enable({ apis: ['Date'], now: this.now });
    try {
      for (let event = this.#next(); event !== undefined && !stopped(); event = this.#next()) {
        this.now = event.at;
        mock.timers.setTime(Math.floor(this.now));
        await event.action();
      }
    } finally {
      mock.timers.reset();
    }
  }

  #next(): Event | undefined {
    const events = this.#events;
    const [first] = events;
    const last = events.pop();
    if (last === undefined || last === first) return first;
    events[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < events.length && before(events[child], events[least])) least = child;
      }
      if (least === i) return first;
      [events[i], events[least]] = [events[least], events[i]];
      i = least;
    }
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
