import type { ChannelImage } from '@softmargin/shared/images/picture.ts';
import type { Random } from '@softmargin/shared/random.ts';
import * as z from 'zod';

export const colourJitterSchema = z.strictObject({
  probability: z.number().min(0).max(1).default(1),
  /** Each factor is drawn from [1 − limit, 1 + limit]. */
  brightness: z.number().min(0).max(1).default(0),
  contrast: z.number().min(0).max(1).default(0),
  saturation: z.number().min(0).max(1).default(0),
  /** Largest turn of the hue, either way, as a fraction of the whole circle. */
  hue: z.number().min(0).max(0.5).default(0),
});

export type ColourJitterSettings = z.infer<typeof colourJitterSchema>;

/**
 * Brightness, contrast, saturation and hue, changed in a random order by uniformly drawn amounts, as
 * torchvision's ColorJitter does. A picture of one channel has no saturation and no hue.
 */
export function colourJitter(
  image: ChannelImage,
  settings: ColourJitterSettings,
  random: Random,
): ChannelImage {
  if (random.uniform() >= settings.probability) return image;
  const within = (limit: number) => (2 * random.uniform() - 1) * limit;
  const brightness = 1 + within(settings.brightness);
  const contrast = 1 + within(settings.contrast);
  const saturation = 1 + within(settings.saturation);
  const hue = within(settings.hue);
  const coloured = image.channels === 3;
  const changes = [
    () => scale(values, brightness),
    () => blend(values, meanLuma(values, image.channels), contrast),
    () => coloured && saturate(values, saturation),
    () => coloured && turnHue(values, hue),
  ];
  const values = new Float64Array(image.data);
  for (const change of random.permutation(changes.length)) changes[change]();
  const data = new Uint8Array(values.length);
  for (let i = 0; i < data.length; i++) data[i] = Math.round(values[i]);
  return { ...image, data };
}

const clamp = (value: number) => Math.min(255, Math.max(0, value));

function scale(values: Float64Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = clamp(values[i] * factor);
}

function blend(values: Float64Array, centre: number, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = clamp(centre + (values[i] - centre) * factor);
}

/** ITU-R 601. */
function luma(values: Float64Array, at: number): number {
  return 0.299 * values[at] + 0.587 * values[at + 1] + 0.114 * values[at + 2];
}

function meanLuma(values: Float64Array, channels: number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += channels) sum += channels === 3 ? luma(values, i) : values[i];
  return sum / (values.length / channels);
}

function saturate(values: Float64Array, factor: number): void {
  for (let i = 0; i < values.length; i += 3) {
    const grey = luma(values, i);
    for (let c = i; c < i + 3; c++) values[c] = clamp(grey + (values[c] - grey) * factor);
  }
}

/** Turns the hue of HSV: the largest and the smallest channel keep their values. */
function turnHue(values: Float64Array, turn: number): void {
  if (turn === 0) return;
  for (let i = 0; i < values.length; i += 3) {
    const r = values[i];
    const g = values[i + 1];
    const b = values[i + 2];
    const largest = Math.max(r, g, b);
    const chroma = largest - Math.min(r, g, b);
    if (chroma === 0) continue;
    const sector =
      largest === r ? (g - b) / chroma : largest === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    const turned = sector + 6 * turn + 12;
    values[i] = largest - chroma * fall((5 + turned) % 6);
    values[i + 1] = largest - chroma * fall((3 + turned) % 6);
    values[i + 2] = largest - chroma * fall((1 + turned) % 6);
  }
}

/** A channel falls linearly from the largest to the smallest value within a sector, and stays for two. */
function fall(k: number): number {
  return Math.max(0, Math.min(k, 4 - k, 1));
}
