import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

function runOn(version: string) {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' });`;
  const script = `${pretend} await import('./training/require-node.mjs'); console.log('runs');`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

test('a Node that is too old is told so, with the way out', () => {
  const { status, stdout, stderr } = runOn('20.20.2');
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(
    /^softmargin runs on Node 24 or later, and this is Node 20\.20\.2\.\n"npm ci" brings/,
  );
});

test.each(['24.0.0', '26.1.0'])('Node %s runs', (version) => {
  expect(runOn(version)).toEqual({ status: 0, stdout: 'runs\n', stderr: '' });
});
