import type { Evaluation } from '../api/answers.ts';

/** How far an evaluation is, in shards. */
export function Progress({ evaluation, onCancel }: { evaluation: Evaluation; onCancel: () => void }) {
  const { shards, stage, etaSeconds } = evaluation.progress;
  const words = shards.total === 0 ? 'Being planned' : `${shards.done} of ${shards.total} shards`;
  return (
    <section class="card progress" aria-label="Progress">
      <progress max={Math.max(1, shards.total)} value={shards.done} aria-label="Shards done" />
      <p role="status">
        {words}
        {stage ? `, ${stage}` : ''}
        {etaSeconds === null ? '' : `, about ${etaSeconds} s left`}
      </p>
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
    </section>
  );
}
