import { expect, test } from 'vitest';
import { renderTable } from './table.ts';

test('text to the left, numbers to the right, and nothing for what is missing', () => {
  const rows = [
    ['a', 5, null],
    ['long-name', 1200, 'x'],
  ];
  expect(renderTable(['name', 'count', 'note'], rows)).toBe(
    ['name       count  note', 'a              5', 'long-name   1200  x'].join('\n'),
  );
});
