import { readFileSync } from 'node:fs';
import { descendants } from '../processes.ts';

/** The resident size of the workerd processes that descend from one, in bytes: 0 where the system does not tell. */
export function workerdBytes(root: number): number {
  return descendants(root).reduce((sum, pid) => sum + residentBytes(pid), 0);
}

/** Of a process that is workerd; 0 for any other. */
function residentBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    if (!/^Name:\s+workerd$/m.test(status)) return 0;
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
