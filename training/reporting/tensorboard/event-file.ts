import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { concatenated, field } from './protobuf.ts';
import { frameRecord } from './record.ts';

/** A picture as an encoded file, such as PNG. */
export interface EncodedPicture {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3 | 4;
  readonly file: Uint8Array;
}

/** What is recorded of a step, by tag. Tags with the same part before a slash stand together. */
export interface StepSummary {
  readonly scalars?: Readonly<Record<string, number>>;
  readonly pictures?: Readonly<Record<string, EncodedPicture>>;
}

/** `SessionLog.START`. */
const SESSION_START = 1;

/**
 * An event file that TensorBoard reads (`tensorboard --logdir <directory>`): a TFRecord file of `Event`
 * messages.
 *
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto
 */
export class EventFile {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Starts a file of its own, beside those of the run's earlier sessions.
   *
   * @param steps how many steps the run has taken: TensorBoard forgets what earlier files say of later ones.
   */
  static async open(directory: string, steps: number): Promise<EventFile> {
    await mkdir(directory, { recursive: true });
    // TensorBoard reads files in the order of their names.
    const milliseconds = String(Date.now()).padStart(13, '0');
    const path = join(directory, `events.out.tfevents.${milliseconds}.softmargin.${process.pid}`);
    const start = field.message(7, [field.integer(1, SESSION_START)]);
    const head = [event(0, field.text(3, 'brain.Event:2')), event(steps + 1, start)];
    await appendFile(path, concatenated(head));
    return new EventFile(path);
  }

  async write(step: number, { scalars = {}, pictures = {} }: StepSummary): Promise<void> {
    const values = [
      ...Object.entries(scalars).map(([tag, value]) => [field.text(1, tag), field.float(2, value)]),
      ...Object.entries(pictures).map(([tag, { height, width, channels, file }]) => [
        field.text(1, tag),
        field.message(4, [
          field.integer(1, height),
          field.integer(2, width),
          field.integer(3, channels),
          field.bytes(4, file),
        ]),
      ]),
    ];
    const summary = field.message(
      5,
      values.map((value) => field.message(1, value)),
    );
    await appendFile(this.path, event(step, summary));
  }
}

function event(step: number, content: Uint8Array): Uint8Array {
  return frameRecord(concatenated([field.double(1, Date.now() / 1000), field.integer(2, step), content]));
}
