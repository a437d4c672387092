import { collect, type SoftmarginClient } from '@softmargin/client';
import { expect } from 'vitest';

/** What a page has left behind. */
export interface Left {
  readonly client: SoftmarginClient;
  /** The text of a file of the workspace. */
  read(name: string): string;
  /** What the blocks of a language wrote to their standard output; empty where they were skipped. */
  printed(language: string): string;
}

/** What the pages promise beyond the success of every command. */
export const outcomes: Readonly<Record<string, (left: Left) => Promise<void>>> = {
  'README.md': async ({ client, printed }) => {
    const [newest] = await collect(client.evaluations.list());
    expect((await client.evaluations.wait(newest.id)).state).toBe('succeeded');
    expect(printed('sh')).toContain(newest.id);
  },

  'docs/client.md': async ({ printed }) => {
    const lines = printed('ts').split('\n');
    expect(lines).toContain('2 of 2 rows');
    expect(lines).toContain('client-gallery embeddings 2');
    expect(lines).toContainEqual(expect.stringMatching(/^404 set_not_found set .*no set "none"/));
  },

  'docs/guide.md': async ({ client, read, printed }) => {
    for (const language of ['python', 'ts', 'sh']) {
      // The last of them asks for a set that it deleted.
      expect(printed(language).split('\n').slice(-4).join('\n')).toMatch(/\b404\b/);
    }
    expect(read('queries.csv')).toMatch(/^query,identity,camera,averagePrecision,firstMatchRank,skipped\n0,/);
    expect(read('cmc.svg')).toMatch(/^<svg/);
    const names = (await collect(client.sets.list())).map(({ id }) => id);
    expect(names.filter((name) => name.startsWith('guide-'))).toEqual([]);
  },

  'docs/command-line.md': async ({ read }) => {
    expect(JSON.parse(read('result.json')).mAP).toBeGreaterThan(0.05);
    expect(read('key.txt')).toMatch(/^\S{20,}\n$/);
    expect(read('cmc.svg')).toMatch(/^<svg/);
    // What the job of the service found of each query is what was found here.
    expect(read('served.csv')).toBe(read('a.csv'));
    expect(read('digits.csv').split('\n').slice(0, 3)).toEqual([
      'path,identity,camera',
      '0001_c1s1_000001_00.png,1,1',
      '0001_c2s1_000002_00.png,1,2',
    ]);
  },
};

/** What they promise readers of Python. */
export const outcomesOfPython: typeof outcomes = {
  'README.md': async ({ client }) => {
    const found = await client.sets.get('my-query');
    expect(found).toMatchObject({ count: 90, dimension: 32, identities: 23, cameras: 6 });
  },

  'docs/sets.md': async ({ client }) => {
    const whole = await client.sets.get('my-query');
    expect(whole).toMatchObject({ count: 9000, dimension: 512, identities: 2250, cameras: 6 });
    // Of the same content, in whatever way it came.
    expect((await client.sets.get('my-gallery')).sha256).toBe(whole.sha256);
    expect((await client.sets.get('my-large-gallery')).sha256).toBe(whole.sha256);
    const pictures = await client.sets.get('my-pictures');
    expect(pictures).toMatchObject({ count: 4, dimension: null, identities: 2, cameras: 2 });
    expect((await client.sets.get('my-few-pictures')).sha256).toBe(pictures.sha256);
    const inParts = await client.sets.get('my-many-pictures');
    expect(inParts).toMatchObject({ count: 4, dimension: null, identities: 2, cameras: 2 });
  },
};
