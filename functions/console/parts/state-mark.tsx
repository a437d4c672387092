import type { Evaluation } from '../api/answers.ts';

/** The state of an evaluation, by word and by colour. */
export function StateMark({ state }: { state: Evaluation['state'] }) {
  return <span class={`state ${state}`}>{state}</span>;
}

/** A protocol as it is called, or that it is a rule of the caller's own. */
export function protocolTitle(protocol: Evaluation['protocol']): string {
  return typeof protocol === 'string' ? protocol : 'own rule';
}
