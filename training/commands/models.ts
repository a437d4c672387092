import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Model } from '@softmargin/client';
import { Command } from 'commander';
import { addServiceOptions, connect, type ServiceOptions } from '../service/connection.ts';
import { printResult } from '../terminal/result.ts';
import { renderTable } from '../terminal/table.ts';

interface Options extends ServiceOptions {
  readonly json?: true;
}

/** `softmargin models`: what the service embeds with. */
export function modelsCommand(signal: AbortSignal): Command {
  const push = addServiceOptions(new Command('push'))
    .description('Store a bundle under a name. Needs a key with the scope admin.')
    .argument('<name>', 'of the model')
    .argument('<bundle>', 'what softmargin train or export wrote')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  softmargin models push digits out/train/mnist-wide/bundle.safetensors',
    )
    .action(async (name: string, bundle: string, options: Options) => {
      await stat(bundle);
      const client = await connect(options);
      const model = await client.models.put(name, await openAsBlob(bundle), signal);
      printResult(options, model, render);
    });
  const list = addServiceOptions(new Command('list'))
    .description('List the models.')
    .option('--json', 'print one JSON object')
    .action(async (options: Options) => {
      const client = await connect(options);
      const data = await client.models.list(signal);
      printResult(options, { data }, () => renderList(data));
    });
  const show = addServiceOptions(new Command('show'))
    .description('Describe a model; --json has its manifest.')
    .argument('<name>')
    .option('--json', 'print one JSON object')
    .action(async (name: string, options: Options) => {
      const client = await connect(options);
      printResult(options, await client.models.get(name, signal), render);
    });
  const remove = addServiceOptions(new Command('delete'))
    .description('Remove models. Needs a key with the scope admin.')
    .argument('<names...>')
    .option('--json', 'print one JSON object')
    .action(async (names: string[], options: Options) => {
      const client = await connect(options);
      for (const name of names) await client.models.delete(name, signal);
      printResult(options, { deleted: names }, () => `Deleted ${names.join(', ')}`);
    });
  return new Command('models')
    .description('Models of the service: push, list, show, delete.')
    .addCommand(push)
    .addCommand(list)
    .addCommand(show)
    .addCommand(remove);
}

const sizeOf = ({ input: { height, width, channels } }: Model) => `${height}×${width}×${channels}`;

function render(model: Model): string {
  const { id, architecture, dimension, distance, sha256, scores } = model;
  const percents = Object.entries(scores).map(([score, value]) => `${score} ${(100 * value).toFixed(2)} %`);
  return [
    `${id}: ${architecture}, ${sizeOf(model)} → ${dimension}, ${distance}`,
    `SHA-256 ${sha256}`,
    ...(percents.length === 0 ? [] : [`Held out: ${percents.join(', ')}`]),
  ].join('\n');
}

function renderList(models: readonly Model[]): string {
  return renderTable(
    ['name', 'architecture', 'input', 'dimension', 'owner', 'sha256'],
    models.map((model) => [
      ...[model.id, model.architecture, sizeOf(model), model.dimension, model.owned_by],
      model.sha256.slice(0, 12),
    ]),
  );
}
