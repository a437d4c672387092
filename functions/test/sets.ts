import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { expect } from 'vitest';
import { type Answer, send, sendJson } from './client.ts';

/** Uploads a set as `.npz`, and expects that to succeed. */
export async function uploadSet(name: string, set: EmbeddingSet): Promise<Answer> {
  const answer = await send('PUT', `/v1/sets/${name}`, serialiseNpz(set) as BodyInit);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer;
}

/** Starts an evaluation, and expects that to succeed. @returns its path. */
export async function startEvaluation(request: object): Promise<string> {
  const answer = await sendJson('POST', '/v1/evaluations', request);
  expect(answer.status, JSON.stringify(answer.body)).toBe(202);
  return answer.headers.get('Location') as string;
}

/** The evaluation at a path once it has ended: in a minute, since it may be one of hundreds on a busy machine. */
export async function evaluationAtEnd(path: string): Promise<Answer['body']> {
  for (let attempt = 0; attempt < 1200; attempt++) {
    const { body } = await send('GET', path);
    if (['succeeded', 'failed', 'cancelled'].includes(body.state)) return body;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The evaluation ${path} did not end.`);
}
