import { Command } from 'commander';
import { compareCommand } from './commands/compare.ts';
import { demoCommand } from './commands/demo.ts';
import { deployCommand } from './commands/deploy.ts';
import { embedCommand } from './commands/embed.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { evaluationsCommand } from './commands/evaluations.ts';
import { experimentCommand } from './commands/experiment.ts';
import { exportCommand } from './commands/export.ts';
import { importCommand } from './commands/import.ts';
import { keysCommand } from './commands/keys.ts';
import { modelsCommand } from './commands/models.ts';
import { resumeCommand } from './commands/resume.ts';
import { searchCommand } from './commands/search.ts';
import { setsCommand } from './commands/sets.ts';
import { summaryCommand } from './commands/summary.ts';
import { trainCommand } from './commands/train.ts';

const AFTER_HELP = `
"softmargin <command> --help" has options and examples. Commands of the service find it by --url and --key, by
SOFTMARGIN_URL and SOFTMARGIN_KEY, by softmargin.config.json here, or by ~/.config/softmargin/config.json.

Standard output has the result (with --json one JSON object), standard error the progress. Exit codes: 0 done,
1 failed, 2 wrong usage, 3 mAP under --fail-under-map, 130 interrupted.`;

/** The command line as a whole. Every command throws a `CommanderError` in place of ending the process. */
export function createProgram(signal: AbortSignal): Command {
  const program = new Command('softmargin')
    .description('Train image embeddings with the Soft Margin Loss, serve them, evaluate them.')
    .addHelpText('after', AFTER_HELP);
  const groups: [heading: string, commands: readonly Command[]][] = [
    [
      'Train:',
      [
        trainCommand(signal),
        resumeCommand(signal),
        exportCommand(signal),
        importCommand(),
        experimentCommand(signal),
        summaryCommand(),
      ],
    ],
    ['Embed and evaluate:', [embedCommand(signal), evaluateCommand(), compareCommand()]],
    [
      'The service:',
      [
        modelsCommand(signal),
        setsCommand(signal),
        evaluationsCommand(signal),
        searchCommand(signal),
        keysCommand(signal),
        deployCommand(),
      ],
    ],
    ['All of it:', [demoCommand(signal)]],
  ];
  for (const [heading, commands] of groups) {
    for (const command of commands) program.addCommand(command.helpGroup(heading));
  }
  return settled(program, 'softmargin');
}

/** What commands that are added as they are do not take over from their parent. */
function settled(command: Command, path: string): Command {
  command.exitOverride().showHelpAfterError(`"${path} --help" has the options and examples.`);
  for (const child of command.commands) settled(child, `${path} ${child.name()}`);
  return command;
}
