/** One axis of a chart: what it measures, and from where to where. */
export interface Axis {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  /** Where a tick is, in ascending order. */
  readonly ticks: readonly number[];
  /** How a tick is written; as the number itself unless given. */
  readonly format?: (value: number) => string;
  /** Equal distances for equal ratios, for rates over several orders of magnitude. */
  readonly logarithmic?: boolean;
}

/** What is drawn: a curve through points, or bars that stand on the axis side by side. */
export type Mark =
  | { readonly kind: 'line'; readonly points: readonly Point[] }
  | { readonly kind: 'dots'; readonly points: readonly (Point & { readonly label: string })[] }
  | { readonly kind: 'bars'; readonly bars: readonly Bar[]; readonly opacity: number };

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly height: number;
}

export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly marks: readonly Mark[];
}

/** The size of every chart and the place of its plot, in the units of the drawing. */
export const FRAME = { width: 640, height: 400, left: 64, right: 616, top: 64, bottom: 344 } as const;

/** Where a value of an axis lies between the two ends of it. */
export function place({ from, to, logarithmic }: Axis, value: number, start: number, end: number): number {
  const scale = logarithmic === true ? Math.log10 : (number: number) => number;
  return start + ((scale(value) - scale(from)) / (scale(to) - scale(from))) * (end - start);
}

/**
 * Round numbers from `from` to `to`, both ends among them where they are round: steps of 1, 2 or 5 times a
 * power of ten, as many as there is room for.
 */
export function roundTicks(from: number, to: number, most: number): number[] {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  // The step that a rounding error puts a hair below the rough one is meant.
  const step = [1, 2, 5, 10]
    .map((factor) => factor * power)
    .find((size) => size >= rough * (1 - 1e-9)) as number;
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/**
 * Draws a chart as one SVG that needs nothing from elsewhere. All of it is in `currentColor`, so that it is
 * dark on light or light on dark as what is around it; a file on its own follows the reader's setting.
 */
export function drawChart({ title, subtitle, x, y, marks }: Chart): string {
  const { width, height, left, right, top, bottom } = FRAME;
  const across = (value: number) => round(place(x, value, left, right));
  const down = (value: number) => round(place(y, value, bottom, top));
  const middle = round((left + right) / 2);
  const center = round((top + bottom) / 2);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">`,
    `<title id="title">${escapeMarkup(title)}</title>`,
    `<desc id="description">${escapeMarkup(subtitle)}</desc>`,
    // Only where the drawing is the document itself: inside a page, `:root` is the page.
    '<style>svg:root{color:#1b1f24}@media(prefers-color-scheme:dark){svg:root{color:#e6e9ed;background:#14171a}}</style>',
    `<text x="${left}" y="26" font-size="16" font-weight="600">${escapeMarkup(title)}</text>`,
    `<text x="${left}" y="46" opacity=".7">${escapeMarkup(subtitle)}</text>`,
    '<g stroke="currentColor" stroke-opacity=".15">',
    ...y.ticks.map((tick) => `<path d="M${left} ${down(tick)}H${right}"/>`),
    '</g>',
    '<g text-anchor="end">',
    ...y.ticks.map((tick) => `<text x="${left - 8}" y="${round(down(tick) + 4)}">${written(y, tick)}</text>`),
    '</g>',
    `<path d="M${left} ${bottom}H${right}" stroke="currentColor"/>`,
    '<g stroke="currentColor">',
    ...x.ticks.map((tick) => `<path d="M${across(tick)} ${bottom}v5"/>`),
    '</g>',
    '<g text-anchor="middle">',
    ...x.ticks.map((tick) => `<text x="${across(tick)}" y="${bottom + 20}">${written(x, tick)}</text>`),
    `<text x="${middle}" y="${bottom + 42}">${escapeMarkup(x.label)}</text>`,
    `<text transform="translate(16 ${center}) rotate(-90)">${escapeMarkup(y.label)}</text>`,
    '</g>',
    ...marks.map((mark) => drawMark(mark, across, down)),
    '</svg>',
    '',
  ].join('\n');
}

function drawMark(mark: Mark, across: (value: number) => number, down: (value: number) => number): string {
  if (mark.kind === 'line') {
    const path = mark.points.map((point, i) => `${i === 0 ? 'M' : 'L'}${across(point.x)} ${down(point.y)}`);
    return `<path d="${path.join('')}" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round"/>`;
  }
  if (mark.kind === 'dots')
    return mark.points.map((point) => drawDot(point, across(point.x), down(point.y))).join('\n');
  const bars = mark.bars.map(({ from, to, height }) => {
    const top = down(height);
    return `<rect x="${across(from)}" y="${top}" width="${round(across(to) - across(from))}" height="${round(FRAME.bottom - top)}"/>`;
  });
  return `<g fill-opacity="${mark.opacity}">\n${bars.join('\n')}\n</g>`;
}

function drawDot({ label }: { readonly label: string }, x: number, y: number): string {
  // Below the curve, where nothing else is; at the right edge, to the left of its dot.
  const anchor = x > FRAME.right - 60 ? 'end' : 'start';
  return `<circle cx="${x}" cy="${y}" r="3.5"/><text x="${x}" y="${round(y + 18)}" text-anchor="${anchor}">${escapeMarkup(label)}</text>`;
}

function written({ format }: Axis, value: number): string {
  return escapeMarkup(format === undefined ? String(value) : format(value));
}

/** A hundredth of a unit is finer than any screen. */
function round(value: number): number {
  return Math.round(100 * value) / 100;
}

function escapeMarkup(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
