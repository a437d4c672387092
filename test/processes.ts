import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Every process that descends from one. */
export function descendants(root: number): number[] {
  const parents = process.platform === 'linux' ? parentsFromProc() : parentsFromPs();
  const found = [root];
  for (const parent of found) {
    found.push(...parents.filter(([, ppid]) => ppid === parent).map(([pid]) => pid));
  }
  return found.slice(1);
}

/** From /proc: a small Linux image has no `ps`. */
function parentsFromProc(): (readonly [pid: number, ppid: number])[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
        // The name stands in parentheses and may hold anything; state and parent come after it.
        const [, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return [[Number(entry), Number(ppid)] as const];
      } catch {
        // It ended meanwhile.
        return [];
      }
    });
}

function parentsFromPs(): (readonly [pid: number, ppid: number])[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return rows.map((row) => {
    const [pid, ppid] = row.trim().split(/\s+/).map(Number);
    return [pid, ppid] as const;
  });
}
