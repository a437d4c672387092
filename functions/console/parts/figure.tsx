import type { PlotOptions } from '@observablehq/plot';
import { useEffect, useRef, useState } from 'preact/hooks';

type Plots = typeof import('../plots/plots.ts');

/** What to draw, of the plots that there are: they are two thirds of the script, and come with the first figure. */
export type Drawing = (plots: Plots) => PlotOptions;

interface FigureProps {
  readonly title: string;
  /** What it shows, for who does not see it. */
  readonly description: string;
  /** It is drawn anew when this is another function. */
  readonly drawing: Drawing;
  readonly height?: number;
}

/** A plot that is as wide as there is room. */
export function Figure({ title, description, drawing, height = 240 }: FigureProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([{ contentRect }]) => setWidth(Math.floor(contentRect.width)));
    observer.observe(frame.current as HTMLDivElement);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width === 0) return;
    let isCurrent = true;
    import('../plots/plots.ts').then((plots) => {
      if (!isCurrent) return;
      const drawn = plots.plot({
        marginLeft: 44,
        marginBottom: 36,
        ...{
          ...drawing(plots),
          width,
          height,
          className: 'plot',
          ariaLabel: title === '' ? description : `${title}: ${description}`,
        },
      });
      // The policy of the page allows no style but its own file, which has these rules.
      for (const style of drawn.querySelectorAll('style')) style.remove();
      // To who does not see it, it is one picture with a description; its parts have nothing to say.
      drawn.setAttribute('role', 'img');
      for (const part of drawn.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
      frame.current?.replaceChildren(drawn);
    });
    return () => {
      isCurrent = false;
    };
  }, [drawing, width, height]);
  return (
    <figure>
      {title !== '' && <figcaption>{title}</figcaption>}
      <div ref={frame} class="drawing" style={{ minHeight: `${height}px` }} />
    </figure>
  );
}
