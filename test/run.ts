/**
 * What `npm test` runs: type checks, lint, then every test. Each counts as one, and the last line says how
 * many passed and failed, whatever happens before it.
 */
import { spawnSync } from 'node:child_process';
import { startVitest } from 'vitest/node';

let passed = 0;
let failed = 0;
let skipped = 0;

function check(title: string, command: string, ...parameters: string[]): void {
  const { status, error } = spawnSync(command, parameters, { stdio: 'inherit' });
  if (error) console.error(error.message);
  if (status === 0) passed++;
  else failed++;
  console.log(`${status === 0 ? '✓' : '✗'} ${title}`);
}

const rooms = [
  'shared',
  'training',
  'functions',
  'functions/client',
  'functions/console',
  'functions/scripts',
  'test',
  'test/console',
];
for (const room of rooms) {
  check(`types of ${room}/`, 'tsc', '-p', room);
}
check('lint and format', 'biome', 'ci', '--error-on-warnings');

// Arguments choose test files, as they do for vitest itself.
const vitest = await startVitest('test', process.argv.slice(2), { run: true });
for (const file of vitest.state.getTestModules()) {
  for (const test of file.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed') passed++;
    else if (state === 'skipped') skipped++;
    else failed++;
  }
  // A file that breaks before its tests are known has none that could fail.
  if (file.errors().length > 0) failed++;
}
failed += vitest.state.getUnhandledErrors().length;
await vitest.close();

if (failed > 0 || passed === 0) process.exitCode = 1;
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
