import type { Random } from '@softmargin/shared/random.ts';
import type { Recipe } from '../recipes/recipe.ts';

/**
 * Writes a randomly rotated, scaled and shifted copy of a single-channel picture, sampled bilinearly;
 * outside of the picture is 0.
 */
export function randomAffine(
  source: Uint8Array,
  target: Uint8Array,
  { height, width }: { readonly height: number; readonly width: number },
  augmentation: Recipe['augmentation'],
  random: Random,
): void {
  const within = (limit: number) => (2 * random.uniform() - 1) * limit;
  const angle = (within(augmentation.rotation) * Math.PI) / 180;
  const size = 1 + within(augmentation.scaling);
  const shiftX = within(augmentation.shift);
  const shiftY = within(augmentation.shift);
  const cos = Math.cos(angle) / size;
  const sin = Math.sin(angle) / size;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const at = (x: number, y: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : source[y * width + x];

  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dx = x - centreX - shiftX;
      const dy = y - centreY - shiftY;
      const sx = centreX + cos * dx + sin * dy;
      const sy = centreY - sin * dx + cos * dy;
      const x0 = Math.floor(sx);
      const y0 = Math.floor(sy);
      const fx = sx - x0;
      const fy = sy - y0;
      const top = (1 - fx) * at(x0, y0) + fx * at(x0 + 1, y0);
      const bottom = (1 - fx) * at(x0, y0 + 1) + fx * at(x0 + 1, y0 + 1);
      target[y * width + x] = Math.round((1 - fy) * top + fy * bottom);
    }
  }
}
