/** A decoded picture: 8-bit RGBA, row-major, `width * height * 4` bytes, upright. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** 8-bit channels interleaved, row-major: `width * height * channels` bytes. */
export interface ChannelImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}
