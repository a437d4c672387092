import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, startServer } from '../server.ts';
import { accessibilityProblems, launchBrowser, noBrowser, openPage, type WatchedPage } from './browser.ts';
import { archiveOf, digitPictures } from './digit-pictures.ts';

/** Views by name, as they are once the sets below are stored and an evaluation of them is done. */
const VIEWS = [
  '#/',
  '#/sets',
  '#/sets/digits-gallery',
  '#/sets/numbers',
  '#/evaluations',
  '#/evaluations/new',
  '#/models',
  '#/models/mnist-wide',
  '#/keys',
];

/** What bodies of answers hold, of whatever route: the tests know which fields are there. */
interface Answer {
  readonly data: readonly {
    readonly embedding: readonly number[];
    readonly query: number;
    readonly averagePrecision: number;
    readonly nearest: readonly { readonly match: boolean }[];
  }[];
  readonly result: { readonly mAP: number };
  readonly error: { readonly code: string };
}

describe.skipIf(noBrowser !== undefined)(
  `the console${noBrowser === undefined ? '' : ` (${noBrowser})`}`,
  { timeout: 300_000 },
  () => {
    let server: Server;
    let browser: Browser;
    let key: string;
    let gallery: Record<string, Uint8Array>;
    let query: Record<string, Uint8Array>;
    let evaluation: string;

    async function api(method: string, path: string, body?: BodyInit): Promise<Answer> {
      const response = await fetch(server.url + path, {
        method,
        headers: server.authorized,
        ...(body !== undefined && { body }),
      });
      return (await response.json()) as Answer;
    }

    /** A page that has the key and shows a view. */
    async function show(view: string, options = {}): Promise<WatchedPage> {
      const watched = await openPage(browser, server.url, options);
      await watched.page.addInitScript((key) => sessionStorage.setItem('softmargin.key', key), key);
      await watched.page.goto(`/${view}`);
      await settled(watched.page);
      return watched;
    }

    async function settled(page: Page) {
      await page.locator('main h1').waitFor();
      await expect.poll(() => page.locator('.loading').count(), { timeout: 60_000 }).toBe(0);
    }

    beforeAll(async () => {
      [query, gallery] = [await digitPictures(0, 20), await digitPictures(20, 80)];
      [server, browser] = [await startServer(), await launchBrowser()];
      key = server.authorized.Authorization.replace('Bearer ', '');
      const { data } = await api('POST', '/v1/embeddings', formOf(gallery, 40));
      const features = data.map(({ embedding }) => embedding);
      const labels = Object.keys(gallery).slice(0, 40);
      const identities = labels.map((path) => Number.parseInt(path, 10));
      await api(
        'PUT',
        '/v1/sets/numbers',
        JSON.stringify({ features, identities, cameras: identities.map(() => 0) }),
      );
    }, 240_000);

    afterAll(async () => {
      await browser?.close();
      await server?.stop();
    });

    test('asks for a key once, says what is wrong with one, and keeps it for the tab', async () => {
      const { page, complaints } = await openPage(browser, server.url);
      await page.goto('/');
      await page.getByLabel('Key', { exact: true }).fill('sm_wrong');
      await page.getByRole('button', { name: 'Use key' }).click();
      await expect
        .poll(() => page.getByRole('alert').textContent(), { timeout: 60_000 })
        .toContain('The key is unknown');
      expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);

      // By keyboard alone.
      await page.getByLabel('Key', { exact: true }).fill(key);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Pictures' }).waitFor();
      expect(await page.evaluate(() => [sessionStorage.length, localStorage.length])).toEqual([1, 0]);
      await page.reload();
      await page.getByRole('heading', { name: 'Pictures' }).waitFor();
      await page.context().close();
    });

    test('a dropped picture is embedded as the API embeds it, and finds its neighbours', async () => {
      const { page, complaints } = await show('#/');
      await page.getByLabel('Nearest in').selectOption('numbers');
      const [name, bytes] = Object.entries(gallery)[3];
      const transfer = await page.evaluateHandle(
        ({ name, bytes }) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([Uint8Array.from(bytes)], name, { type: 'image/png' }));
          return transfer;
        },
        { name, bytes: [...bytes] },
      );
      await page.locator('.drop').dispatchEvent('drop', { dataTransfer: transfer });
      const nearest = page.locator('.neighbours tbody tr').first();
      await nearest.waitFor();
      // The picture is one of the set: it finds itself, at no distance.
      expect(await nearest.locator('td').allTextContents()).toEqual([
        '3',
        String(Number.parseInt(name, 10)),
        '0',
        expect.stringMatching(/^-?0\.0000$/),
      ]);
      expect(await page.locator('article .facts').textContent()).toMatch(/Dimension32Norm1\.0000/);
      expect(complaints).toEqual([]);
      await page.context().close();
    });

    test('sets are stored by drop, an evaluation is begun, watched, and its mAP is the API’s', async () => {
      const { page, complaints } = await show('#/sets');
      for (const [name, files] of Object.entries({ 'digits-query': query, 'digits-gallery': gallery })) {
        await page
          .locator('input[type=file]')
          .setInputFiles({ name: `${name}.zip`, mimeType: 'application/zip', buffer: archiveOf(files) });
        await page.getByRole('button', { name: 'Store set' }).click();
        await page.getByRole('rowheader', { name }).waitFor();
      }
      await page.getByRole('link', { name: 'Evaluations' }).click();
      await page.getByRole('link', { name: 'New evaluation' }).click();
      await page.getByLabel('Query set').selectOption('digits-query');
      await page.getByLabel('Gallery set').selectOption('digits-gallery');
      await page.getByRole('button', { name: 'Start evaluation' }).click();
      const mAP = page.locator('.scores div', { hasText: 'mAP' }).locator('data');
      await mAP.waitFor({ timeout: 120_000 });
      evaluation = new URL(page.url()).hash.replace('#/evaluations/', '');
      const { result } = await api('GET', `/v1/evaluations/${evaluation}`);
      expect(Number(await mAP.getAttribute('value'))).toBe(result.mAP);
      expect(await mAP.textContent()).toBe((100 * result.mAP).toFixed(2));

      // The worst query is first, and its list is framed as the API has it.
      const { data } = await api('GET', `/v1/evaluations/${evaluation}/queries?limit=1000`);
      const [worst] = data.toSorted((a, b) => a.averagePrecision - b.averagePrecision);
      const shown = page.locator('.query').first();
      await shown.locator('.ranked li').nth(9).waitFor();
      expect(await shown.getAttribute('aria-label')).toBe(`Query ${worst.query}`);
      const frames = await shown
        .locator('.ranked li')
        .evaluateAll((items) => items.map(({ className }) => className));
      expect(frames).toEqual(worst.nearest.map(({ match }) => (match ? 'right' : 'wrong')));
      await shown.scrollIntoViewIfNeeded();
      await shown.locator('.ranked img').nth(9).waitFor();
      expect(await page.locator('svg.plot').count()).toBe(4);
      expect(complaints).toEqual([]);
      await page.context().close();
    });

    test('a set is deleted after a question, which Escape answers with no', async () => {
      await api(
        'PUT',
        '/v1/sets/unwanted',
        JSON.stringify({ features: [[1]], identities: [1], cameras: [1] }),
      );
      const { page, complaints } = await show('#/sets/unwanted');
      await page.getByRole('button', { name: 'Delete set' }).press('Enter');
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
      expect(await page.getByRole('dialog').count()).toBe(0);
      await page.getByRole('button', { name: 'Delete set' }).press('Enter');
      await page.getByRole('button', { name: 'Delete', exact: true }).press('Enter');
      await page.getByRole('heading', { name: 'Sets', exact: true }).waitFor();
      await settled(page);
      expect(await page.getByRole('rowheader', { name: 'unwanted' }).count()).toBe(0);
      expect(complaints).toEqual([]);
      await page.context().close();
    });

    test('what is not there is said in the server’s words', async () => {
      const { page } = await show('#/sets/absent');
      expect(await page.getByRole('alert').first().textContent()).toContain('there is no set "absent"');
      await page.context().close();
    });

    test('the first Tab stop skips to the content, and every link of the bar can be reached', async () => {
      const { page } = await show('#/');
      await page.locator('body').press('Tab');
      expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Skip to content');
      const reached: (string | undefined)[] = [];
      for (let i = 0; i < 7; i++) {
        await page.keyboard.press('Tab');
        reached.push(await page.evaluate(() => document.activeElement?.textContent?.trim()));
      }
      expect(reached).toEqual([
        'softmargin',
        'Pictures',
        'Sets',
        'Evaluations',
        'Models',
        'Keys',
        'Forget key',
      ]);
      await page.context().close();
    });

    describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
      test('every view passes axe, without complaint', async () => {
        const { page, complaints } = await show('#/', { colorScheme, reducedMotion: 'reduce' });
        for (const view of [
          ...VIEWS,
          `#/evaluations/${evaluation}`,
          `#/evaluations/${evaluation}/comparison/${evaluation}`,
        ]) {
          await page.goto(`/${view}`);
          await settled(page);
          expect(await accessibilityProblems(page), view).toEqual([]);
        }
        expect(complaints).toEqual([]);
        await page.context().close();
      });
    });

    test('on a phone, no view is wider than the screen', async () => {
      const { page } = await show('#/', { viewport: { width: 390, height: 844 } });
      for (const view of [
        ...VIEWS,
        `#/evaluations/${evaluation}`,
        `#/evaluations/${evaluation}/comparison/${evaluation}`,
      ]) {
        await page.goto(`/${view}`);
        await settled(page);
        expect(await page.evaluate(() => document.documentElement.scrollWidth), view).toBe(390);
      }
      await page.context().close();
    });

    test('the page and its files carry a strict policy; the API is the Worker’s', async () => {
      const page = await fetch(server.url);
      expect(page.headers.get('Content-Security-Policy')).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self'; /,
      );
      expect(page.headers.get('X-Content-Type-Options')).toBe('nosniff');
      const script = /src="(\/assets\/[^"]+\.js)"/.exec(await page.text())?.[1] as string;
      expect((await fetch(server.url + script)).headers.get('Cache-Control')).toContain('immutable');
      for (const path of ['/nothing', '/v1/nothing']) {
        const answer = await fetch(server.url + path, { headers: server.authorized });
        expect(answer.status).toBe(404);
        expect(((await answer.json()) as Answer).error.code).toBe('unknown_path');
      }
    });
  },
);

function formOf(files: Record<string, Uint8Array>, count: number): FormData {
  const form = new FormData();
  for (const [name, bytes] of Object.entries(files).slice(0, count)) {
    form.append('image', new Blob([bytes as Uint8Array<ArrayBuffer>]), name);
  }
  return form;
}
