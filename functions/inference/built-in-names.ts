/** The model of requests that name none, where an owner has chosen none. */
export const DEFAULT_MODEL = 'mnist-wide';

/** The models that come with the Worker. Apart from their bundles, which only what runs them has to load. */
export const builtInNames = [DEFAULT_MODEL] as const;

export type BuiltInName = (typeof builtInNames)[number];

export function isBuiltIn(name: string): name is BuiltInName {
  return (builtInNames as readonly string[]).includes(name);
}
