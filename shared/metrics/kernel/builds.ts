import { type CompiledModule, validate } from './webassembly.ts';

/** The kernel's two builds, compiled when they are asked for: a runtime may know only one. */
export interface KernelBuilds {
  /** With `f32x4.relaxed_madd`: twice as fast where the processor has a fused multiply-add. */
  relaxedSimd(): CompiledModule;
  /** For every runtime with 128-bit SIMD. */
  simd(): CompiledModule;
}

/** The build for this runtime. */
export function chooseKernel(builds: KernelBuilds): CompiledModule {
  return hasRelaxedSimd() ? builds.relaxedSimd() : builds.simd();
}

/** Whether a module of one function, `f32x4.relaxed_madd(0, 0, 0)`, is valid here. */
export function hasRelaxedSimd(): boolean {
  return validate(
    Uint8Array.of(
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      // Type 0: () → v128. Function 0 is of type 0.
      ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b],
      ...[0x03, 0x02, 0x01, 0x00],
      // Its code: three times i8x16.splat(0), then the multiply-add.
      ...[0x0a, 0x13, 0x01, 0x11, 0x00],
      ...[0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f],
      ...[0xfd, 0x85, 0x02, 0x0b],
    ),
  );
}
