import { EVENT_INTERVAL_MS, EVENTS_MS, HEARTBEAT_MS } from '../limits.ts';
import { logError } from '../observation/log.ts';
import type { EvaluationProgress } from './evaluation.ts';

/** Asks an evaluation how far it is, once that is another than was seen, or after some time. */
export type ChangeReader = (
  seen: EvaluationProgress | undefined,
  patience: number,
) => Promise<EvaluationProgress | undefined>;

/** An evaluation as its events show it: `ended` with its final object. */
export interface EventObject {
  readonly ended: boolean;
  readonly value: object;
}

/** How a stream of events passes its time, in milliseconds. */
export interface EventTimes {
  readonly interval: number;
  readonly heartbeat: number;
  readonly longest: number;
}

const TIMES: EventTimes = { interval: EVENT_INTERVAL_MS, heartbeat: HEARTBEAT_MS, longest: EVENTS_MS };

/**
 * The progress of an evaluation as server-sent events: `progress` at every change, `end` with the final object as
 * the last, and comments in between where nothing happens. Each event is made when the reader asks for one; a
 * reader that goes away asks for none.
 */
export function eventStream(
  change: ChangeReader,
  describe: (progress: EvaluationProgress | undefined) => Promise<EventObject>,
  times: EventTimes = TIMES,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const until = Date.now() + times.longest;
  let seen: EvaluationProgress | undefined;
  let last: string | undefined;
  let first = true;
  let gone = false;
  return new ReadableStream(
    {
      async pull(controller) {
        const send = (text: string) => {
          if (!gone) controller.enqueue(encoder.encode(text));
        };
        try {
          if (!first) await new Promise((resolve) => setTimeout(resolve, times.interval));
          first = false;
          const progress = gone ? undefined : await change(seen, times.heartbeat);
          if (gone) return;
          seen = progress;
          const { ended, value } = await describe(progress);
          const text = JSON.stringify(value);
          if (ended) send(eventText('end', text));
          else if (text === last) send(': still there\n\n');
          else send(eventText('progress', text));
          last = text;
          if (!gone && (ended || Date.now() >= until)) controller.close();
        } catch (error) {
          // The evaluation's object moved or started again; the next event asks it anew.
          logError(error);
          send(': again\n\n');
          if (!gone && Date.now() >= until) controller.close();
        }
      },
      cancel() {
        gone = true;
      },
    },
    // Nothing is made before it is asked for.
    { highWaterMark: 0 },
  );
}

function eventText(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
