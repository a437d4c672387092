import type { PlotOptions } from '@observablehq/plot';
import { plot } from '@observablehq/plot';
import { useEffect, useRef, useState } from 'preact/hooks';

interface FigureProps {
  readonly title: string;
  /** What it shows, for who does not see it. */
  readonly description: string;
  /** What to draw. It is drawn anew when this is another object. */
  readonly options: PlotOptions;
  readonly height?: number;
}

/** A plot that is as wide as there is room. */
export function Figure({ title, description, options, height = 240 }: FigureProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([{ contentRect }]) => setWidth(Math.floor(contentRect.width)));
    observer.observe(frame.current as HTMLDivElement);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width === 0) return;
    const drawing = plot({
      marginLeft: 44,
      marginBottom: 36,
      ...{
        ...options,
        width,
        height,
        className: 'plot',
        ariaLabel: title === '' ? description : `${title}: ${description}`,
      },
    });
    // The policy of the page allows no style but its own file, which has these rules.
    for (const style of drawing.querySelectorAll('style')) style.remove();
    // To who does not see it, it is one picture with a description; its parts have nothing to say.
    drawing.setAttribute('role', 'img');
    for (const part of drawing.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
    frame.current?.replaceChildren(drawing);
  }, [options, width, height]);
  return (
    <figure>
      {title !== '' && <figcaption>{title}</figcaption>}
      <div ref={frame} class="drawing" style={{ minHeight: `${height}px` }} />
    </figure>
  );
}
