import type { Hono } from 'hono';
import type { AppTypes } from '../environment.ts';
import page from '../openapi/docs.html';
import documentModule from '../openapi/openapi.json';
import { addRoute, open } from './route.ts';

/** The bundler hands the file over as text; TypeScript looks into it. */
const document = documentModule as unknown as string;

/** `GET /openapi.json` and a page that shows it. Neither says anything of who uses the service. */
export function addDocumentationRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/openapi.json', {
    GET: open((context) =>
      context.body(document, 200, {
        'Content-Type': 'application/json',
        'Cache-Control': 'public, max-age=300',
      }),
    ),
  });
  addRoute(app, '/docs', {
    GET: open(async (context) =>
      context.html(page, 200, {
        // Its own script and style, by their hashes, and the document; nothing of any other host.
        'Content-Security-Policy': `default-src 'none'; script-src ${await hashOf('script')}; style-src ${await hashOf('style')}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
        'Cache-Control': 'public, max-age=300',
      }),
    ),
  });
}

/** What allows the one element of a name in the page, as a source of a Content-Security-Policy. */
async function hashOf(name: 'script' | 'style'): Promise<string> {
  const text = new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(page)?.[1] ?? '';
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
}
