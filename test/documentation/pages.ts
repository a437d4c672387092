import { globSync, readFileSync } from 'node:fs';
import { exceptions } from './not-run.ts';

/** What users read. */
export const pages = ['README.md', ...globSync('docs/**/*.md').toSorted()];

/** A block of code of a page. */
export interface Block {
  /** As the fence names it; empty of a picture in letters. */
  readonly language: string;
  /** The line of its first line in the page, from 1. */
  readonly line: number;
  readonly text: string;
}

/** The blocks of code of a page, in its order. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(({ 1: language, 2: code, index }) => ({
    language,
    line: text.slice(0, index).split('\n').length + 1,
    text: code,
  }));
}

/**
 * What is run of a page in one language: its blocks as one file, in which every line has the number that it has in the
 * page. Empty where there is nothing to run.
 */
export function trackOf(page: string, language: string): string {
  let track = '';
  for (const { line, text } of blocksOf(page).filter((block) => block.language === language)) {
    const run = runOf(page, text);
    if (run !== '') track += '\n'.repeat(line - track.split('\n').length) + run;
  }
  return track;
}

function runOf(page: string, text: string): string {
  return exceptions
    .filter((exception) => exception.page === page)
    .reduce((left, exception) => {
      if (!text.includes(exception.text)) return left;
      return exception.instead === undefined ? '' : left.replaceAll(exception.text, exception.instead);
    }, text);
}
