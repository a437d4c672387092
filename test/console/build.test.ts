import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';

const SITE = 'functions/console/site';
const MAX_GZIP_BYTES = 300_000;

const folder = mkdtempSync(join(tmpdir(), 'softmargin-console-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function filesOf(root: string): Record<string, string> {
  const paths = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    paths.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(root.length + 1), readFileSync(path, 'latin1')];
    }),
  );
}

test('the committed build is what the source gives: npm run build:console makes it', () => {
  // As the script runs it: of what the tests set, NODE_ENV would change the build.
  const { NODE_ENV: _, ...env } = process.env;
  execFileSync('node_modules/.bin/vite', ['build', 'functions/console', '--outDir', folder], {
    env,
    stdio: 'inherit',
  });
  const [built, committed] = [filesOf(folder), filesOf(SITE)];
  expect(Object.keys(built).toSorted()).toEqual(Object.keys(committed).toSorted());
  for (const [path, content] of Object.entries(built)) expect(content === committed[path], path).toBe(true);
});

test('it is small, and has nothing of another host and no script or style within the page', () => {
  const files = filesOf(SITE);
  const bytes = Object.values(files).reduce(
    (sum, text) => sum + gzipSync(Buffer.from(text, 'latin1')).length,
    0,
  );
  expect(bytes).toBeLessThan(MAX_GZIP_BYTES);
  expect(files['index.html']).not.toMatch(/https?:|<style|style=|onclick|<script(?![^>]* src="\/assets\/)/);
  expect(files._headers).toContain("default-src 'none'");
  expect(files._headers).not.toMatch(/unsafe|https?:|\*;/);
});
