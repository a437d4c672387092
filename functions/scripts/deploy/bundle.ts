import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { succeed, type Wrangler } from './wrangler-command.ts';

/** A Worker as it is uploaded. */
export interface Bundle {
  readonly folder: string;
  /** The modules in `folder`, the script first. */
  readonly modules: readonly string[];
  readonly bytes: number;
  readonly gzipBytes: number;
}

const SCRIPT = 'index.js';

/** Bundles an environment's Worker into a folder, without an account or a network. */
export async function bundle(wrangler: Wrangler, environment: string, folder: string): Promise<Bundle> {
  await succeed(wrangler, 'deploy', '--dry-run', '--env', environment, '--outdir', folder);
  const others = readdirSync(folder).filter((file) =>
    ['.wasm', '.safetensors', '.html', '.json'].includes(extname(file)),
  );
  const modules = [SCRIPT, ...others.sort()];
  const contents = Buffer.concat(modules.map((file) => readFileSync(join(folder, file))));
  return { folder, modules, bytes: contents.length, gzipBytes: gzipSync(contents).length };
}
