import { Worker } from 'node:worker_threads';

/** What a thread answers: the task's number, and its result or what went wrong. */
export type Answer<Result> = { readonly task: number } & (
  | { readonly result: Result }
  | { readonly error: string }
);

interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Threads that all run one module, each of which takes tasks one after another. Tasks are begun in the order
 * they were given. The threads keep the process alive only while `hold` says so, and end with it.
 */
export class WorkerPool<Task, Result> {
  readonly #threads: readonly Worker[];
  readonly #idle: Worker[];
  readonly #tasks: { readonly number: number; readonly task: Task }[] = [];
  readonly #waiting = new Map<number, Waiting<Result>>();
  #given = 0;
  #failure: Error | undefined;

  /**
   * @param module gets messages `{ number, task }` and posts an `Answer` to each.
   * @param workerData is copied to each thread; a SharedArrayBuffer in it is shared.
   */
  constructor(module: URL, size: number, workerData: unknown) {
    this.#threads = Array.from({ length: size }, () => new Worker(module, { workerData }));
    this.#idle = [...this.#threads];
    for (const thread of this.#threads) {
      thread.unref();
      thread.on('message', (answer: Answer<Result>) => this.#settle(thread, answer));
      thread.on('error', (error) => this.#fail(error as Error));
      thread.on('exit', (code) => this.#fail(new Error(`A loading thread ended (exit code ${code}).`)));
    }
  }

  /** Runs a task on the next thread that is free. */
  run(task: Task): Promise<Result> {
    if (this.#failure) return Promise.reject(this.#failure);
    const number = this.#given++;
    this.#tasks.push({ number, task });
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#waiting.set(number, { resolve, reject });
    this.#dispatch();
    return promise;
  }

  /** Whether the threads keep the process alive: while somebody waits for them. */
  hold(held: boolean): void {
    for (const thread of this.#threads) held ? thread.ref() : thread.unref();
  }

  /** Ends the threads, whatever they are at; tasks that are not done are rejected. */
  async close(): Promise<void> {
    this.#fail(new Error('The loader was closed.'));
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#tasks.length > 0) {
      this.#idle.shift()?.postMessage(this.#tasks.shift());
    }
  }

  #settle(thread: Worker, answer: Answer<Result>): void {
    const waiting = this.#waiting.get(answer.task);
    this.#waiting.delete(answer.task);
    if ('error' in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.result);
    this.#idle.push(thread);
    this.#dispatch();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#tasks.length = 0;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
