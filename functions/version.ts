import manifest from './package.json' with { type: 'json' };

/** The version of the service, which results name: the same sets under another version may rank otherwise. */
export const SERVICE_VERSION: string = manifest.version;
