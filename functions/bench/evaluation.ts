import { EvaluationOperator, type EvaluationSize, type Operation } from '../../test/bench/evaluation.ts';
import { rankingKernel } from '../evaluation/kernel.ts';
import { startBackend } from '../inference/backend.ts';

const operator = new EvaluationOperator(rankingKernel);

interface BenchRequest {
  readonly operation: Operation;
  readonly size: EvaluationSize;
}

/** Does one operation a request. Clocks in workerd stand still while it computes: the caller takes the time. */
export default {
  async fetch(request: Request): Promise<Response> {
    await startBackend();
    if (request.method === 'GET') return Response.json({ ready: true });
    const { operation, size } = await request.json<BenchRequest>();
    return Response.json((await operator.operate(operation, size)) ?? null);
  },
} satisfies ExportedHandler;
