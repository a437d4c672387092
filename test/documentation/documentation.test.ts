import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SoftmarginClient } from '@softmargin/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { hasPythonModule } from '../python.ts';
import { type Server, startServer } from '../server.ts';
import { schemasOfPages, valuesOf } from './json-blocks.ts';
import { exceptions } from './not-run.ts';
import { outcomes, outcomesOfPython } from './outcomes.ts';
import { blocksOf, pages, trackOf } from './pages.ts';
import { makeWorkspace, type Workspace } from './workspace.ts';

/**
 * Every block of code of the documentation, run as a reader of one language runs it: the blocks of a page one after the
 * other, in one process, against the server that `npm start` starts.
 */

/** How a language is run. `before` goes on the first line, which in a page is the title. */
const runners = {
  python: { file: 'page.py', before: 'from reader import *; ', program: 'python3' },
  ts: { file: 'page.ts', before: '', program: process.execPath },
  sh: {
    file: 'page.sh',
    before: [
      'set -eu -o pipefail; trap \'echo "Line $LINENO of the page ended with $?." >&2\' ERR; ',
      // Runs a command that is expected to fail, and to name something on standard error.
      'refused() { local name=$1 said; said=$(mktemp -p .); shift; ',
      'if "$@" 2> "$said" || ! grep -q -e "$name" "$said"; then cat "$said" >&2; return 1; fi; }; ',
    ].join(''),
    program: 'bash',
  },
} as const;

type Language = keyof typeof runners;

/** In this order: what Python stores is evaluated by what is run in the shell. */
const languages: readonly Language[] = ['python', 'ts', 'sh'];

const tracks = pages.flatMap((page) =>
  languages
    .map((language) => ({ page, language, track: trackOf(page, language) }))
    .filter(({ track }) => track !== ''),
);

/** Whether this machine has what a track needs and the repository does not bring. */
const canRun: Readonly<Record<Language, (track: string) => boolean>> = {
  python: (track) => {
    const modules = [...track.matchAll(/^(?:import|from) ([\w., ]+?)(?: import .*)?$/gm)];
    return ['numpy', ...modules.flatMap(([, names]) => names.split(', '))].every(hasPythonModule);
  },
  ts: () => true,
  sh: (track) =>
    ['bash', 'curl', 'jq']
      .filter((program) => program === 'bash' || track.includes(`${program} `))
      .every((program) => spawnSync(program, ['--version']).status === 0),
};

let server: Server;
let client: SoftmarginClient;

beforeAll(async () => {
  server = await startServer();
  const key = server.authorized.Authorization.slice('Bearer '.length);
  client = new SoftmarginClient({ url: server.url, key });
}, 120_000);

afterAll(() => server?.stop());

describe.each([...new Set(tracks.map(({ page }) => page))])('%s', (page) => {
  let workspace: Workspace;
  const output = new Map<string, string>();
  const left = {
    get client() {
      return client;
    },
    read: (name: string) => readFileSync(join(workspace.folder, name), 'utf8'),
    printed: (language: string) => output.get(language) ?? '',
  };

  beforeAll(async () => {
    workspace = await makeWorkspace(page, server);
  }, 120_000);
  afterAll(() => workspace?.remove());

  let hasRun = true;
  for (const { language, track } of tracks.filter((track) => track.page === page)) {
    const { file, before, program } = runners[language];
    const isRun = canRun[language](track);
    hasRun &&= isRun;
    test.skipIf(!isRun)(`its ${language}`, { timeout: 900_000 }, async () => {
      writeFileSync(
        join(workspace.folder, file),
        before + track.replaceAll('http://127.0.0.1:8787', server.url),
      );
      const child = spawn(program, [file], {
        cwd: workspace.folder,
        env: { ...process.env, ...workspace.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let printed = '';
      let said = '';
      child.stdout.on('data', (chunk) => (printed += chunk));
      child.stderr.on('data', (chunk) => (said += chunk));
      const [code] = await once(child, 'close');
      expect(code, `${printed}\n${said}`).toBe(0);
      output.set(language, printed);
      if (language === 'python') await outcomesOfPython[page]?.(left);
    });
  }
  if (outcomes[page] !== undefined) {
    test.skipIf(!hasRun)('does what it says', { timeout: 120_000 }, () => outcomes[page](left));
  }
});

test('the TypeScript means something to the compiler', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-documentation-types-'));
  try {
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    for (const { page, track } of tracks.filter(({ language }) => language === 'ts')) {
      writeFileSync(join(folder, page.replaceAll('/', '-').replace(/md$/, 'ts')), track);
    }
    const compilerOptions = { lib: ['ES2024'], types: ['node'] };
    const configuration = { extends: resolve('tsconfig.json'), compilerOptions, include: ['*.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(configuration));
    const { stdout, status } = spawnSync('node_modules/.bin/tsc', ['-p', folder], { encoding: 'utf8' });
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(pages.filter((page) => blocksOf(page).some(({ language }) => language === 'json')))(
  '%s shows JSON as it is read and written',
  (page) => {
    const blocks = blocksOf(page).filter(({ language }) => language === 'json');
    const schemas = schemasOfPages[page] ?? [];
    expect(blocks).toHaveLength(schemas.length);
    for (const [i, { line, text }] of blocks.entries()) {
      for (const value of valuesOf(text)) {
        const { error } = schemas[i].safeParse(value);
        expect(error && z.prettifyError(error), `line ${line}`).toBeUndefined();
      }
    }
  },
);

test('every block is of a language that is run, or a picture in letters', () => {
  const found = pages.flatMap((page) => blocksOf(page).map(({ language }) => language));
  expect([...new Set(found)].toSorted()).toEqual(['', 'json', ...Object.keys(runners)].toSorted());
});

test('every exception is of something that is still there', () => {
  const unused = exceptions.filter(
    ({ page, text }) => !blocksOf(page).some((block) => block.text.includes(text)),
  );
  expect(unused).toEqual([]);
});
