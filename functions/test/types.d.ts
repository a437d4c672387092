import type { D1Migration } from 'cloudflare:test';
import type { Bindings } from '../environment.ts';

/** What the Worker under test exports and is bound to. */
declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: typeof import('../index.ts');
    }
    interface Env extends Bindings {
      readonly MIGRATIONS: D1Migration[];
      /** Files and reference pixels, from Node: see `decoder-images.ts`. */
      readonly DECODER_IMAGES: Fetcher;
      readonly MALFORMED_REQUESTS?: string;
      readonly MALFORMED_SEED?: string;
      readonly EMPTY: D1Database;
      /** Lets a key send three requests a minute. */
      readonly FEW_REQUESTS: RateLimit;
    }
  }
}
