import type { Experiment, PlannedRun } from './experiment.ts';
import type { RunResult } from './results.ts';

/** The page of an experiment: what was asked, with which budget, and what came out. */
export function renderExperiment(
  experiment: Experiment,
  planned: readonly PlannedRun[],
  results: readonly RunResult[],
): { readonly markdown: string; readonly figures: ReadonlyMap<string, string> } {
  const finished = new Set(results.map(({ variant }) => variant));
  const variants = [...new Set(planned.map(({ variant }) => variant))].filter((one) => finished.has(one));
  const page = experiment.render({ results, variants });
  return {
    markdown: `# ${experiment.title}

${experiment.introduction.trim()}

## What was run

${conditions(experiment, planned, results)}

${page.markdown.trim()}

## The common recipe

Each variant changes what its name says, and the seed.

\`\`\`json
${JSON.stringify({ ...experiment.recipe, steps: results[0].recipe.steps }, null, 2)}
\`\`\`
`,
    figures: page.figures,
  };
}

function conditions(
  experiment: Experiment,
  planned: readonly PlannedRun[],
  results: readonly RunResult[],
): string {
  const words = (of: (result: RunResult) => string) => [...new Set(results.map(of))].join('; ');
  const seeds = new Set(results.map(({ recipe }) => recipe.seed)).size;
  const variants = new Set(results.map(({ variant }) => variant)).size;
  const minutes = results.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  const { steps } = planned[0].recipe;
  const lines = [
    `- ${variants} variants with ${seeds} ${seeds === 1 ? 'seed' : 'seeds'} each: ${results.length} runs of ${steps} steps, ${minutes.toFixed(0)} minutes of training.`,
    `- Data: ${words(({ data, trainImages }) => `${data} (${trainImages} training pictures)`)}.`,
    `- Backend: ${words(({ backend }) => backend)}.`,
  ];
  if (results.length < planned.length) {
    lines.push(`- **Unfinished**: ${planned.length - results.length} of ${planned.length} runs are missing.`);
  }
  if (variants < experiment.variants.size) {
    lines.push(`- **A part**: the experiment has ${experiment.variants.size} variants.`);
  }
  if (steps < experiment.recipe.steps) {
    lines.push(
      `- **Reduced**: the experiment's own budget is ${experiment.recipe.steps} steps a run. What trains slowly is at a disadvantage here.`,
    );
  }
  if (seeds < 3) lines.push('- **Few seeds**: differences may be noise.');
  return lines.join('\n');
}
