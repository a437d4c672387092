import type { Padding, PoolWindow, Sides } from './layers.ts';

/** How much a padding is on each side. */
export function sidesOf(padding: Padding = 0): Sides {
  if (typeof padding !== 'number') return padding;
  return { top: padding, right: padding, bottom: padding, left: padding };
}

/** How many windows fit into a padded length. */
export function windows(length: number, size: number, stride: number, before: number, after: number): number {
  return Math.floor((length + before + after - size) / stride) + 1;
}

/**
 * The padding of a pooling over a map. With `ceil`, the bottom and the right get what the last window lacks; a
 * window that would begin behind the map and its padding is left out, as PyTorch leaves it out.
 */
export function poolPadding(height: number, width: number, size: number, window: PoolWindow): Sides {
  const { stride = size, ceil = false } = window;
  const sides = sidesOf(window.padding);
  if (!ceil) return sides;
  const after = (length: number, before: number, behind: number) => {
    let count = Math.ceil((length + before + behind - size) / stride) + 1;
    if ((count - 1) * stride >= length + before) count--;
    return Math.max(behind, (count - 1) * stride + size - length - before);
  };
  return {
    ...sides,
    bottom: after(height, sides.top, sides.bottom),
    right: after(width, sides.left, sides.right),
  };
}

/** As tfjs takes a padding: a number, or the sides of each dimension of NHWC. */
export function tensorPadding({ top, right, bottom, left }: Sides): number | ExplicitPadding {
  if (top === right && top === bottom && top === left) return top;
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

type ExplicitPadding = [[number, number], [number, number], [number, number], [number, number]];
