import { readEvents } from '@softmargin/client/event-stream.ts';
import { type Evaluation, evaluationSchema } from './answers.ts';
import { request, requestJson } from './request.ts';

/** How long to wait before a stream that ended without an end is asked for again. */
const AGAIN_MS = 1000;

const hasEnded = ({ state }: Evaluation) => state !== 'queued' && state !== 'running';

/** Tells of an evaluation as it is now, and at every change until it has ended. */
export async function watchEvaluation(
  id: string,
  tell: (evaluation: Evaluation) => void,
  signal: AbortSignal,
): Promise<void> {
  let current = await requestJson(evaluationSchema, `/v1/evaluations/${id}`, { signal });
  tell(current);
  while (!hasEnded(current)) {
    const { body } = await request(`/v1/evaluations/${id}/events`, { signal });
    if (body === null) throw new Error('The server sent no events.');
    for await (const { data } of readEvents(body)) {
      const parsed = evaluationSchema.safeParse(JSON.parse(data));
      // The last event of one that was deleted says no more than that.
      if (!parsed.success) throw new Error('The evaluation was deleted while it was watched.');
      current = parsed.data;
      tell(current);
    }
    if (!hasEnded(current)) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    signal.throwIfAborted();
  }
}
