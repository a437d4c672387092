import { architectures } from '@softmargin/shared/models/architectures.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { describe, expect, test } from 'vitest';
import { rateFactor } from '../optimisation/schedule.ts';
import { overrideRecipe } from './override.ts';
import { parseRecipe, type Recipe } from './recipe.ts';
import { recipes } from './recipes.ts';

const recipe = (name: string) => recipes.get(name) as Recipe;

test.each([...recipes.keys()])('%s survives being written down', (name) => {
  expect(parseRecipe(JSON.parse(JSON.stringify(recipe(name))))).toEqual(recipe(name));
});

test.each([
  ['cuhk03-labeled', 7368, 256, 128],
  ['cuhk03-detected', 7365, 256, 128],
  ['market1501', 12_936, 256, 128],
  ['veri776', 37_778, 256, 256],
])('%s follows the schedule of the paper family', (name, images, height, width) => {
  const { steps, schedule, optimiser, sampler, input, model } = recipe(name);
  expect(sampler).toEqual({ kind: 'pk', identities: 16, pictures: 4 });
  expect(input).toEqual({ height, width });
  expect((architectures.get(model) as Architecture).resizable).toBe(true);
  const epoch = Math.ceil(images / 64);
  const rate = (atEpoch: number) =>
    optimiser.learningRate * rateFactor(schedule, Math.round(atEpoch * epoch), steps);
  expect(rate(0)).toBeGreaterThanOrEqual(1e-5);
  expect(rate(0)).toBeLessThan(2e-5);
  expect(rate(10)).toBeCloseTo(0.5 * (1e-5 + 1e-3), 5);
  for (const [at, expected] of [
    [20, 1e-3],
    [89.9, 1e-3],
    [90, 1e-4],
    [129.9, 1e-4],
    [130, 1e-5],
    [149.9, 1e-5],
  ]) {
    expect(rate(at)).toBeCloseTo(expected, 9);
  }
});

describe('overriding', () => {
  const override = (...overrides: string[]) => overrideRecipe(recipe('mnist-wide'), overrides);

  test('numbers, words, items of lists and whole objects; the recipe itself stays', () => {
    const changed = override(
      'optimiser.learningRate=1e-3',
      'losses.1.scope=sample',
      'losses.0.scale=16',
      'schedule={"name": "step", "warmupSteps": 5, "milestones": [30], "factor": 0.1}',
      'weightAverage=0.99',
    );
    expect(changed.optimiser.learningRate).toBe(1e-3);
    expect(changed.losses).toMatchObject([
      { name: 'normalised-softmax', scale: 16 },
      { name: 'soft-margin', scope: 'sample' },
    ]);
    expect(changed.schedule).toEqual({
      name: 'step',
      warmupSteps: 5,
      warmupFrom: 0,
      milestones: [30],
      factor: 0.1,
    });
    expect(changed.weightAverage).toBe(0.99);
    expect(recipe('mnist-wide').losses[0]).toMatchObject({ scale: 10 });
  });

  test.each([
    ['optimizer.learningRate=1', 'no field "optimizer": it has dataset, model'],
    ['optimiser.rate.peak=1', 'no field "optimiser.rate": "optimiser" has name, learningRate'],
    ['optimiser.rate=1', /recipe's optimiser: .*"rate"/],
    ['optimiser.learningRate=-1', /recipe's optimiser\.learningRate: .*\(found -1\)/],
    ['optimiser.learningRate=fast', /recipe's optimiser\.learningRate: .*\(found "fast"\)/],
    ['losses.2.scale=1', 'no field "losses.2": "losses" has the items 0 to 1'],
    ['steps.most=1', 'no field "steps.most": "steps" is 700'],
    ['model=lenet', /recipe's model: must be one of .*mnist-wide.*\(found "lenet"\)/],
    ['losses=[]', /recipe's losses: /],
    ['steps', '"steps" is not of the form field=value'],
    ['__proto__.steps=1', 'no field "__proto__"'],
  ])('%s is refused, naming the field', (text, message) => {
    expect(() => override(text)).toThrow(message);
  });
});
