import { readdirSync, readFileSync } from 'node:fs';

/**
 * Seconds that a process and those it started have computed, as Linux counts them in /proc: what else a machine
 * does changes little about it. `undefined` where the system does not tell.
 */
export function processorSeconds(pid: number): number | undefined {
  try {
    let nanoseconds = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const [computed] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ');
      nanoseconds += Number(computed);
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ');
      for (const child of children.filter(Boolean)) {
        nanoseconds += 1e9 * (processorSeconds(Number(child)) ?? 0);
      }
    }
    return nanoseconds / 1e9;
  } catch {
    return undefined;
  }
}
