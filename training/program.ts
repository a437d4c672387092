import { Command, Help, type Option } from 'commander';

const AFTER_HELP = `
"softmargin <command> --help" has options and examples. Commands of the service find it by --url and --key, by
SOFTMARGIN_URL and SOFTMARGIN_KEY, by softmargin.config.json here, or by ~/.config/softmargin/config.json.

Standard output has the result (with --json one JSON object), standard error the progress. Exit codes: 0 done,
1 failed, 2 wrong usage, 3 mAP under --fail-under-map, 130 interrupted.`;

type Load = (signal: AbortSignal) => Promise<Command>;

/** Every command under a heading. Each is loaded for itself: those of the service do without all that trains. */
const COMMANDS: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'Train:': {
    train: async (signal) => (await import('./commands/train.ts')).trainCommand(signal),
    resume: async (signal) => (await import('./commands/resume.ts')).resumeCommand(signal),
    export: async (signal) => (await import('./commands/export.ts')).exportCommand(signal),
    import: async () => (await import('./commands/import.ts')).importCommand(),
    experiment: async (signal) => (await import('./commands/experiment.ts')).experimentCommand(signal),
    summary: async () => (await import('./commands/summary.ts')).summaryCommand(),
  },
  'Embed and evaluate:': {
    embed: async (signal) => (await import('./commands/embed.ts')).embedCommand(signal),
    evaluate: async () => (await import('./commands/evaluate.ts')).evaluateCommand(),
    compare: async () => (await import('./commands/compare.ts')).compareCommand(),
  },
  'The service:': {
    models: async (signal) => (await import('./commands/models.ts')).modelsCommand(signal),
    sets: async (signal) => (await import('./commands/sets.ts')).setsCommand(signal),
    evaluations: async (signal) => (await import('./commands/evaluations.ts')).evaluationsCommand(signal),
    search: async (signal) => (await import('./commands/search.ts')).searchCommand(signal),
    keys: async (signal) => (await import('./commands/keys.ts')).keysCommand(signal),
    deploy: async () => (await import('./commands/deploy.ts')).deployCommand(),
  },
  'All of it:': {
    demo: async (signal) => (await import('./commands/demo.ts')).demoCommand(signal),
  },
};

/**
 * The command line. Every command throws a `CommanderError` in place of ending the process.
 *
 * @param wanted the command that is going to run, which then is the only one that is loaded; all are if it is none.
 */
export async function createProgram(signal: AbortSignal, wanted?: string): Promise<Command> {
  const program = new Command('softmargin')
    .description('Train image embeddings with the Soft Margin Loss, serve them, evaluate them.')
    .addHelpText('after', AFTER_HELP);
  const isKnown = Object.values(COMMANDS).some(
    (group) => wanted !== undefined && Object.hasOwn(group, wanted),
  );
  for (const [heading, group] of Object.entries(COMMANDS)) {
    for (const [name, load] of Object.entries(group)) {
      if (!isKnown || name === wanted) program.addCommand((await load(signal)).helpGroup(heading));
    }
  }
  return settled(program, 'softmargin');
}

/** What commands that are added as they are do not take over from their parent. */
function settled(command: Command, path: string): Command {
  command.exitOverride().showHelpAfterError(`"${path} --help" has the options and examples.`);
  command.configureHelp({ groupItems: ownOptionsFirst });
  for (const child of command.commands) settled(child, `${path} ${child.name()}`);
  return command;
}

/** What is a command's own stands before what many commands have. */
function ownOptionsFirst<Item extends Command | Option>(
  this: Help,
  unsorted: Item[],
  visible: Item[],
  groupOf: (item: Item) => string,
): Map<string, Item[]> {
  const groups = Help.prototype.groupItems.call(
    this,
    unsorted as Option[],
    visible as Option[],
    groupOf as (item: Command | Option) => string,
  ) as Map<string, Item[]>;
  const isOwn = ([heading]: [string, unknown]) => Number(heading === 'Options:');
  return new Map([...groups].sort((a, b) => isOwn(b) - isOwn(a)));
}
