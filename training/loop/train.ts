import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import { type DatasetSplit, itemName } from '../datasets/dataset.ts';
import { BatchLoader } from '../loading/batch-loader.ts';
import type { Batch } from '../loading/prepare-batch.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { batchPicture } from '../reporting/batch-picture.ts';
import { EventFile } from '../reporting/tensorboard/event-file.ts';
import { createSampler } from '../sampling/sampler.ts';
import { type BestWeights, type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { RunLog, type StepLine, type ValidationLine } from './run-log.ts';
import { DivergedError, Trainer } from './trainer.ts';
import { embedAndRank } from './validate.ts';

export interface TrainingRun {
  readonly recipe: Recipe;
  readonly split: DatasetSplit;
  /** Says how pictures are prepared; see `describe`. */
  readonly manifest: Manifest;
  /** What the network's parameters start from; drawn by the seed without. */
  readonly pretrained?: ReadonlyMap<string, BundleTensor>;
  /** Takes the checkpoint, the log and TensorBoard's event files. */
  readonly directory: string;
  /** Go on from the checkpoint in the directory; from the first step where there is none yet. */
  readonly resume: boolean;
  /** Steps between checkpoints; the last step always has one. */
  readonly checkpointEvery: number;
  /** Threads that prepare batches; the loader's default without it. */
  readonly loadingThreads?: number;
  readonly onStep?: (line: StepLine) => void;
  readonly onValidation?: (line: ValidationLine, best: boolean) => void;
  readonly onBroken?: (path: string, reason: string) => void;
  /** Stops the run after the step in progress, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** What a run ends with. */
export interface TrainedNetwork {
  /** As a bundle holds them: those that validated best, or the last where nothing was validated. */
  readonly parameters: Map<string, BundleTensor>;
  /** The step they are of. */
  readonly step: number;
  /** Steps that were taken: fewer than the recipe's where it stopped early. */
  readonly steps: number;
}

export const CHECKPOINT_FILE = 'checkpoint.safetensors';
export const LOG_FILE = 'log.jsonl';
export const EVENTS_DIRECTORY = 'tensorboard';

/**
 * Trains to the recipe's last step, or until validation stops getting better, on tfjs's current backend.
 *
 * @throws {Error} if the loss is not a finite number: with the step, the batch's pictures and the last
 *   checkpoint; if the checkpoint cannot be used or is of another run; if a checkpoint cannot be written.
 */
export async function train(run: TrainingRun): Promise<TrainedNetwork> {
  await mkdir(run.directory, { recursive: true });
  const path = join(run.directory, CHECKPOINT_FILE);
  const checkpoint = run.resume && (await exists(path)) ? await readCheckpoint(path) : undefined;
  if (checkpoint !== undefined) checkSameRun(path, checkpoint, run);
  const classes = new Set(run.split.train.identities).size;
  const trainer = new Trainer(run.recipe, classes, checkpoint?.trainer, run.pretrained);
  try {
    return await new Loop(run, trainer, path, checkpoint).toTheEnd();
  } finally {
    trainer.dispose();
  }
}

/** What a data set is, for a checkpoint to be recognised by. */
function dataOf({ name, train, description }: DatasetSplit): string {
  return `${name}: ${train.count} training pictures, ${description}`;
}

class Loop {
  readonly #run: TrainingRun;
  readonly #trainer: Trainer;
  readonly #checkpointPath: string;
  #validated: number;
  #best: BestWeights | undefined;
  #checkpointed: number | undefined;
  /** What the augmentation makes of pictures is worth a look, once in a session. */
  #isBatchShown = false;

  constructor(
    run: TrainingRun,
    trainer: Trainer,
    checkpointPath: string,
    checkpoint: Checkpoint | undefined,
  ) {
    this.#run = run;
    this.#trainer = trainer;
    this.#checkpointPath = checkpointPath;
    this.#validated = checkpoint?.validated ?? 0;
    this.#best = checkpoint?.best;
    this.#checkpointed = checkpoint?.trainer.step;
  }

  async toTheEnd(): Promise<TrainedNetwork> {
    const { recipe, split, manifest, directory, loadingThreads, checkpointEvery, onBroken, signal } =
      this.#run;
    const trainer = this.#trainer;
    const log = await RunLog.open(join(directory, LOG_FILE), trainer.step, this.#validated);
    const events = await EventFile.open(join(directory, EVENTS_DIRECTORY), trainer.step);
    await using loader = new BatchLoader({
      dataset: split.train,
      sampler: createSampler(recipe.sampler, split.train.identities, recipe.seed),
      augmentation: recipe.augmentation,
      rule: manifest,
      seed: recipe.seed,
      firstStep: trainer.step,
      endStep: recipe.steps,
      ...(loadingThreads !== undefined && { workers: loadingThreads }),
      ...(onBroken && { onBroken }),
    });
    while (true) {
      if (this.#validationIsDue) {
        // Before, since validation takes long; after, since it is then not done again.
        await this.#writeCheckpoint();
        await this.#validate(log, events);
        await this.#writeCheckpoint();
      }
      if (trainer.step === recipe.steps || this.#isOutOfPatience) break;
      const line = await this.#takeStep(loader, events);
      await log.write(line);
      await events.write(line.step, { scalars: scalarsOf(line) });
      this.#run.onStep?.(line);
      if (signal?.aborted || trainer.step % checkpointEvery === 0 || trainer.step === recipe.steps) {
        await this.#writeCheckpoint();
      }
      signal?.throwIfAborted();
    }
    return {
      parameters: new Map(this.#best?.parameters ?? (await trainer.parameters())),
      step: this.#best?.step ?? trainer.step,
      steps: trainer.step,
    };
  }

  async #takeStep(loader: BatchLoader, events: EventFile): Promise<StepLine> {
    const started = performance.now();
    const waitedBefore = loader.waitedSeconds;
    const batch = await loader.next();
    if (!this.#isBatchShown) {
      const picture = await batchPicture(batch, this.#run.manifest);
      await events.write(this.#trainer.step, { pictures: { batch: picture } });
      this.#isBatchShown = true;
    }
    try {
      const report = await this.#trainer.takeStep(batch);
      return {
        ...report,
        images: batch.items.length,
        seconds: (performance.now() - started) / 1000,
        waitingSeconds: loader.waitedSeconds - waitedBefore,
      };
    } catch (error) {
      throw error instanceof DivergedError ? this.#diverged(error, batch) : error;
    }
  }

  #diverged({ message }: DivergedError, { items }: Batch): Error {
    const { train } = this.#run.split;
    const pictures = Array.from(items, (item) => itemName(train, item)).join(', ');
    return new Error(`${message}, for the pictures ${pictures}. ${this.#lastGood}`);
  }

  get #lastGood(): string {
    return this.#checkpointed === undefined
      ? 'There is no checkpoint before it.'
      : `The last good checkpoint is that of step ${this.#checkpointed}, ${this.#checkpointPath}.`;
  }

  get #validationIsDue(): boolean {
    const { recipe, split } = this.#run;
    if (recipe.validation === null || split.validation === undefined) return false;
    const { step } = this.#trainer;
    if (step === 0 || step === this.#validated) return false;
    return step % recipe.validation.every === 0 || step === recipe.steps;
  }

  get #isOutOfPatience(): boolean {
    const { validation } = this.#run.recipe;
    if (validation === null || validation.patience === null || this.#best === undefined) return false;
    return this.#validated - this.#best.step >= validation.patience * validation.every;
  }

  async #validate(log: RunLog, events: EventFile): Promise<void> {
    const { manifest, split, onBroken, onValidation, signal } = this.#run;
    if (split.validation === undefined) return;
    const started = performance.now();
    const { step } = this.#trainer;
    const parameters = await this.#trainer.parameters();
    const { scores } = await embedAndRank(parameters, manifest, split.validation, {
      ...(onBroken && { onBroken }),
      signal,
    });
    const isBest = this.#best === undefined || scores.mAP > this.#best.mAP;
    if (isBest) this.#best = { step, mAP: scores.mAP, parameters };
    this.#validated = step;
    const line = { step, validation: scores, seconds: (performance.now() - started) / 1000 };
    await log.write(line);
    const { mAP, mINP, cmc1 } = scores;
    await events.write(step, {
      scalars: { 'validation/mAP': mAP, 'validation/mINP': mINP, 'validation/CMC-1': cmc1 },
    });
    onValidation?.(line, isBest);
  }

  async #writeCheckpoint(): Promise<void> {
    const trainer = await this.#trainer.state();
    for (const [name, { data }] of [...trainer.parameters, ...trainer.lossParameters]) {
      if (data.every(Number.isFinite)) continue;
      throw new Error(`"${name}" is no longer finite after step ${trainer.step}. ${this.#lastGood}`);
    }
    await writeCheckpoint(this.#checkpointPath, {
      recipe: this.#run.recipe,
      data: dataOf(this.#run.split),
      trainer,
      validated: this.#validated,
      best: this.#best,
    });
    this.#checkpointed = this.#trainer.step;
  }
}

function scalarsOf(line: StepLine): Record<string, number> {
  const { loss, parts, gradientNorm, learningRate, images, seconds, waitingSeconds } = line;
  return {
    'loss/total': loss,
    ...Object.fromEntries(Object.entries(parts).map(([name, value]) => [`loss/${name}`, value])),
    'optimiser/gradient norm': gradientNorm,
    'optimiser/learning rate': learningRate,
    'speed/images per second': images / seconds,
    'speed/share waiting for data': waitingSeconds / seconds,
  };
}

function checkSameRun(path: string, checkpoint: Checkpoint, { recipe, split }: TrainingRun): void {
  const field = firstDifference(checkpoint.recipe, recipe, []);
  if (field !== undefined) {
    throw new Error(`${path} was made with another recipe: its ${field} is different. Resume with the same.`);
  }
  if (checkpoint.data !== dataOf(split)) {
    throw new Error(`${path} was made on other data (${checkpoint.data}); this is ${dataOf(split)}.`);
  }
}

/** The path of the first field in which two values of JSON differ. */
function firstDifference(a: unknown, b: unknown, path: readonly string[]): string | undefined {
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') {
    return a === b ? undefined : path.join('.');
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const fields = [a, b] as Record<string, unknown>[];
    const found = firstDifference(fields[0][key], fields[1][key], [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
