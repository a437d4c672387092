/**
 * The part of WebAssembly that is used here. Node's types leave it out and those of Workers are their own,
 * so it is named where both can read it.
 */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => CompiledModule;
  readonly Instance: new (module: CompiledModule, imports?: object) => { readonly exports: object };
  validate(bytes: Uint8Array): boolean;
}

/** A `WebAssembly.Module`. */
export type CompiledModule = object;

/** A `WebAssembly.Global` that holds a number. */
export interface GlobalNumber {
  readonly value: number;
}

/** A `WebAssembly.Memory`. Its buffer is another one once it has grown. */
export interface Memory {
  readonly buffer: ArrayBuffer;
}

export const { Module, Instance, validate } = (globalThis as unknown as { WebAssembly: WebAssemblyApi })
  .WebAssembly;
