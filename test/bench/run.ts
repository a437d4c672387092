import { parseArgs } from 'node:util';
import * as z from 'zod';
import { backendChoices } from '../../training/backend/choose-backend.ts';
import { measureEvaluation, renderEvaluation } from './evaluation-report.ts';
import { measureInference, renderInference } from './inference.ts';
import { renderLoad, runLoad } from './load.ts';
import { renderScale, simulateScale } from './scale.ts';
import { renderTraining, reportTraining } from './training-report.ts';
import { measureUpload, renderUpload } from './upload.ts';

const USAGE = `Usage: npm run bench -- <bench> [options]

  evaluation   Ranking at Market-1501's size in workerd and in Node, against tfjs's bare product and against
               sorting; growth with the sizes; a gallery of a million. Some minutes.
  inference    Networks in workerd by our kernels and by tfjs's, against tfjs's bare product; the first embedding of
               an isolate; memory over ten thousand requests; onnxruntime-web in Node, where it is installed. Some minutes.
  training     A training step of each network against tfjs's bare products of as many multiply-adds; on a
               graphics card, pictures a second for the backbones of re-identification too.
  scale        Evaluation jobs up to ten million vectors and a thousand isolates, simulated: the service's plan,
               ledger and watchdog, with latency, lost messages and crashes. Some minutes.

  upload       A set of 4 GB in parts to the local server, and an evaluation of 1,000 queries against it, with the
               resident size of workerd. Some minutes to a quarter of an hour, and 5 GB of disk.

  load         A mixed load on the local server: as much as one isolate sustains, ten times as much, and as before;
               latencies, statuses, jobs, recovery and memory. Some three minutes.

  --json       Print JSON in place of the table.
  --profile    Of inference, the time of each kind of layer too.
  --backend    Where training runs: ${backendChoices.join(', ')}. Default: auto.
  --peak       Of training, the card's peak in float32, in TFLOP/s: its share is printed.
  --small      Of scale, leave out what has ten million vectors.
  --seconds <n>
               Of load, how long the steady load lasts (default 120).
  --rows <n>, --dimension <n>
               Of upload, its size (default 1000000 and 1024).
  --seed <n>   Of scale, the seed of all that happens by chance (default 1).
`;

const optionsSchema = z.object({
  json: z.boolean(),
  profile: z.boolean(),
  backend: z.enum(backendChoices),
  peak: z.coerce.number().positive().optional(),
  small: z.boolean(),
  seed: z.coerce.number().int().nonnegative(),
  rows: z.coerce.number().int().positive(),
  dimension: z.coerce.number().int().positive(),
  seconds: z.coerce.number().positive(),
});

type Options = z.infer<typeof optionsSchema>;

const note = (line: string): void => console.error(`  ${line}`);

const benches: Readonly<Record<string, (options: Options) => Promise<string>>> = {
  evaluation: async ({ json }) => print(json, await measureEvaluation(note), renderEvaluation),
  inference: async ({ json, profile }) => print(json, await measureInference(profile, note), renderInference),
  training: async ({ json, backend, peak }) =>
    print(json, await reportTraining(backend, peak, note), renderTraining),
  scale: async ({ json, small, seed }) =>
    print(json, await simulateScale(small ? 'small' : 'all', seed, note), renderScale),
  upload: async ({ json, rows, dimension }) =>
    print(json, await measureUpload(rows, dimension, note), renderUpload),
  load: async ({ json, seconds }) => print(json, await runLoad(seconds, note), renderLoad),
};

function print<Report>(json: boolean, report: Report, render: (report: Report) => string): string {
  return json ? JSON.stringify(report) : `\n${render(report)}`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      backend: { type: 'string', default: 'auto' },
      peak: { type: 'string' },
      small: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      rows: { type: 'string', default: '1000000' },
      dimension: { type: 'string', default: '1024' },
      seconds: { type: 'string', default: '120' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const options = optionsSchema.safeParse(values);
  const [name = ''] = positionals;
  if (positionals.length !== 1 || !Object.hasOwn(benches, name) || !options.success) {
    console.error(USAGE);
    return 2;
  }
  console.log(await benches[name](options.data));
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const { message, cause } = error as Error;
  console.error(cause instanceof Error ? `${message}: ${cause.message}` : message);
  process.exitCode = 1;
}
