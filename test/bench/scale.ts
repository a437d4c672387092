import { calm, rough } from './scale/conditions.ts';
import { loadService } from './scale/service.ts';
import type { Sizes } from './scale/sets.ts';
import { type Outcome, type Scenario, simulate } from './scale/simulation.ts';

const market1501: Sizes = { queries: 3_368, gallery: 15_913, dimension: 512, identities: 750 };
const msmt17: Sizes = { queries: 11_659, gallery: 82_161, dimension: 512, identities: 3_060 };
const market500k: Sizes = { ...market1501, gallery: 515_913 };
const tenMillion: Sizes = { ...market1501, gallery: 10_000_000, identities: 100_000 };

const million: Sizes = { ...market1501, gallery: 1_000_000, identities: 10_000 };

const thousand = { isolates: 1_000 };

const small: readonly Scenario[] = [
  { name: 'Market-1501', sizes: market1501, evaluations: 1, conditions: rough },
  { name: 'MSMT17', sizes: msmt17, evaluations: 1, conditions: rough },
  { name: 'Market+500k, nothing fails', sizes: market500k, evaluations: 1, conditions: calm },
  { name: 'Market+500k', sizes: market500k, evaluations: 1, conditions: rough },
  {
    name: 'Market+500k, all restarted after 3 s',
    sizes: market500k,
    evaluations: 1,
    conditions: { ...rough, restartAt: 3_000 },
  },
];

const large: readonly Scenario[] = [
  {
    name: 'Ten million, nothing fails',
    sizes: tenMillion,
    evaluations: 1,
    conditions: { ...calm, ...thousand },
  },
  { name: 'Ten million', sizes: tenMillion, evaluations: 1, conditions: { ...rough, ...thousand } },
  { name: 'A million, 20 at once', sizes: million, evaluations: 20, conditions: { ...rough, ...thousand } },
];

/**
 * Simulates evaluations that grow to ten million vectors and a thousand isolates. Plan, ledger and watchdog are the
 * service's own code; isolates, queue, network and time are simulated.
 *
 * @param sizes `small` leaves out those of ten million vectors, which take some minutes.
 * @param note is told what is being simulated.
 */
export async function simulateScale(
  sizes: 'small' | 'all',
  seed: number,
  note: (line: string) => void,
): Promise<Outcome[]> {
  const service = await loadService();
  const outcomes: Outcome[] = [];
  for (const scenario of sizes === 'small' ? small : [...small, ...large]) {
    note(scenario.name);
    outcomes.push(await simulate(service, scenario, seed));
  }
  return outcomes;
}

const COLUMNS: readonly (readonly [title: string, value: (outcome: Outcome) => string])[] = [
  ['scenario', ({ name }) => name],
  ['shards', ({ shards }) => String(shards)],
  ['s a shard', ({ shardSeconds }) => shardSeconds.toFixed(1)],
  ['seconds', ({ seconds }) => seconds.toFixed(1)],
  ['ideal', ({ idealSeconds }) => idealSeconds.toFixed(1)],
  ['ratio', ({ seconds, idealSeconds }) => (seconds / idealSeconds).toFixed(1)],
  ['done in vain', ({ wasted }) => `${(100 * wasted).toFixed(0)} %`],
  ['messages', ({ messages }) => String(messages)],
  ['requests', ({ requests }) => String(requests)],
  ['SQL', ({ statements }) => String(statements)],
  ['object busy', ({ objectBusy }) => `${(100 * objectBusy).toFixed(2)} %`],
  ['ledger', ({ ledgerBytes }) => `${(ledgerBytes / 1000).toFixed(0)} kB`],
  ['exact', ({ exact }) => (exact ? 'yes' : 'NO')],
];

/** A Markdown table of what was simulated. */
export function renderScale(outcomes: readonly Outcome[]): string {
  const rows = [
    COLUMNS.map(([title]) => title),
    COLUMNS.map((_, column) => (column === 0 ? '---' : '--:')),
    ...outcomes.map((outcome) => COLUMNS.map(([, value]) => value(outcome))),
  ];
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}
