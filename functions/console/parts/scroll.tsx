import type { ComponentChildren } from 'preact';

/** A table that scrolls sideways where there is no room for it, and not the page. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard to be scrolled.
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
