import { architectures } from '@softmargin/shared/models/architectures.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { type NetworkSummary, summarise } from '@softmargin/shared/models/summary.ts';
import { Argument, Command } from 'commander';
import { oneOf, type PictureSize, pictureSize } from './arguments.ts';

/** `softmargin summary`: what a network is made of and what it costs. */
export function summaryCommand(): Command {
  return new Command('summary')
    .description('Print the layers of a network, its parameters, multiply-adds and activation memory.')
    .addArgument(oneOf(new Argument('<model>', 'which network'), [...architectures.keys()]))
    .option('--input <height>x<width>', "size of the pictures (default: the network's own)", pictureSize)
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample:\n  softmargin summary osnet_x1_0 --input 256x128')
    .action((name: string, { input, json }: { input?: PictureSize; json?: boolean }) => {
      const architecture = architectures.get(name) as Architecture;
      const summary = summarise(architecture, input);
      console.log(json ? JSON.stringify(summary) : render(summary));
    });
}

function render(summary: NetworkSummary): string {
  const rows = summary.layers.map(({ kind, name, output, parameters, multiplyAdds }) => [
    kind,
    name,
    output.join('×'),
    grouped(parameters),
    grouped(multiplyAdds),
  ]);
  const heading = ['layer', 'name', 'output', 'parameters', 'multiply-adds'];
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  const line = (row: string[]) =>
    row
      .map((text, column) => (column < 2 ? text.padEnd(widths[column]) : text.padStart(widths[column])))
      .join('  ')
      .trimEnd();
  const { model, input, dimension } = summary;
  return [
    `${model}: ${input.height}×${input.width}×${input.channels} → ${dimension}`,
    '',
    line(heading),
    ...rows.map(line),
    '',
    `parameters         ${grouped(summary.parameters)}` +
      (summary.headParameters > 0 ? ` (${grouped(summary.headParameters)} of them in the head)` : ''),
    `running statistics ${grouped(summary.runningStatistics)}`,
    `multiply-adds      ${grouped(summary.multiplyAdds)}`,
    `activations        ${(summary.activationBytes / 2 ** 20).toFixed(1)} MiB a picture (f32, every output above)`,
  ].join('\n');
}

/** A whole number with a comma between thousands; nothing for zero, which most layers have. */
function grouped(value: number): string {
  return value === 0 ? '' : value.toLocaleString('en-US');
}
