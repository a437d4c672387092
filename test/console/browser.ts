import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** The Chromium that `CHROMIUM` names, or the first on the path. */
export const chromiumProgram: string | undefined =
  process.env.CHROMIUM ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
    .find(existsSync);

/** Why tests in a browser do not run here, or nothing. */
export const noBrowser =
  chromiumProgram === undefined ? 'there is no Chromium: set CHROMIUM, or install it' : undefined;

export function launchBrowser(): Promise<Browser> {
  if (chromiumProgram === undefined) throw new Error(noBrowser);
  // Its sandbox needs rights that a container seldom has; the pages are our own.
  return chromium.launch({
    executablePath: chromiumProgram,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    timeout: 60_000,
  });
}

/** A page, and what it complained of: errors of its console, and what it asked other hosts for. */
export interface WatchedPage {
  readonly page: Page;
  readonly complaints: string[];
}

export async function openPage(
  browser: Browser,
  baseURL: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ baseURL, ...options });
  context.setDefaultTimeout(60_000);
  // Before the page: its policy allows no script from here.
  await context.addInitScript({ content: axe.source });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.origin !== baseURL) complaints.push(`asked for ${url}`);
  });
  return { page, complaints };
}

/** What axe finds wrong with what the page shows, one line each. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run({ iframes: false }),
  );
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}
