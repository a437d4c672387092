/** The states of an evaluation. In a file of its own, since the console reads answers by it too. */
export const evaluationStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;

export type EvaluationState = (typeof evaluationStates)[number];
