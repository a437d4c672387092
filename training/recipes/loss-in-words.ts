import type { LossTerm } from '@softmargin/shared/losses/terms.ts';

/** A sum of losses as one line: `normalised-softmax (scale 10) + 0.5 × soft-margin (scope class)`. */
export function lossInWords(losses: readonly LossTerm[]): string {
  return losses
    .map(({ name, weight, ...settings }) => {
      const shown = Object.entries(settings)
        .filter(([, value]) => value !== 0)
        .map(([setting, value]) => `${setting} ${value}`);
      return `${weight === 1 ? '' : `${weight} × `}${name}${shown.length > 0 ? ` (${shown.join(', ')})` : ''}`;
    })
    .join(' + ');
}
