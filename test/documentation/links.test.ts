import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { pages } from './pages.ts';

interface Link {
  readonly page: string;
  readonly target: string;
  /** The file that is meant, from the root of the repository. */
  readonly file: string;
  readonly anchor: string | undefined;
}

/** A page without its blocks of code and its code within lines, where brackets are no links. */
function proseOf(page: string): string {
  return readFileSync(page, 'utf8')
    .replaceAll(/^```[\s\S]*?^```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()<>]/g, ' '));
}

/** The links of a page that lead within the repository. */
function linksOf(page: string): Link[] {
  return [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target)
    .filter((target) => !/^https?:/.test(target))
    .map((target) => {
      const [path, anchor] = target.split('#');
      return { page, target, file: path === '' ? page : normalize(join(dirname(page), path)), anchor };
    });
}

/** The anchors that GitHub gives the headings of a page: the second of a name ends in -1. */
function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>();
  const text = readFileSync(page, 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');
  return [...text.matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading]) => {
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
}

const all = [...pages, 'CONTRIBUTING.md'];
const links = all.flatMap(linksOf);

test('every link within the repository leads to a file, and its anchor to a heading', () => {
  expect(links.length).toBeGreaterThan(50);
  const broken = links.filter(
    ({ file, anchor }) =>
      !existsSync(file) ||
      (anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).includes(anchor)),
  );
  expect(broken).toEqual([]);
});

test('every page is reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const page of reached) {
    for (const link of links) if (link.page === page && link.file.endsWith('.md')) reached.add(link.file);
  }
  expect(all.filter((page) => !reached.has(page))).toEqual([]);
});
