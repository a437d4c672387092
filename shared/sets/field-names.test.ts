import { describe, expect, test } from 'vitest';
import { chooseFields, FieldChoice } from './field-names.ts';

const both = ['qf', 'q_pids', 'q_camids', 'gf', 'g_pids', 'g_camids'];

test('a field’s own name comes before any other', () => {
  expect(chooseFields(['labels', 'features', 'feat', 'identities', 'cameras', 'groups'])).toEqual({
    features: 'features',
    identities: 'identities',
    cameras: 'cameras',
    groups: 'groups',
  });
});

test('a side takes its own arrays of a file with two', () => {
  expect(chooseFields([...both, 'q_groups'], 'query')).toEqual({
    features: 'qf',
    identities: 'q_pids',
    cameras: 'q_camids',
    groups: 'q_groups',
  });
  expect(chooseFields([...both, 'q_groups'], 'gallery')).toEqual({
    features: 'gf',
    identities: 'g_pids',
    cameras: 'g_camids',
    groups: undefined,
  });
});

describe('refuses', () => {
  test.each([
    [
      'two sides where none is asked for',
      both,
      undefined,
      /holds two sets.*"qf".*"gf".*--query or --gallery/,
    ],
    [
      'two names of one field',
      ['features', 'pids', 'labels', 'cameras'],
      undefined,
      /^The file has "pids" and "labels": which of them holds the identities is not clear/,
    ],
    [
      'the other side',
      ['gf', 'g_pids', 'g_camids'],
      'query' as const,
      /^The archive has no array "features" or "qf"; it has gf, g_pids, g_camids\.$/,
    ],
    [
      'a missing field',
      ['qf', 'q_pids'],
      undefined,
      /^The archive has no array "cameras"; it has qf, q_pids\.$/,
    ],
  ])('%s', (_, present, side, message) => {
    expect(() => chooseFields(present, side)).toThrow(message);
  });
});

describe('names that come one by one', () => {
  const fields = (names: readonly string[], side?: 'query' | 'gallery') => {
    const choice = new FieldChoice(side);
    return names.map((name) => choice.fieldOf(name));
  };

  test('are the fields that they are for, and others are none', () => {
    expect(fields(['pids', 'feat', 'images', 'camids', 'q_groups'])).toEqual([
      'identities',
      'features',
      undefined,
      'cameras',
      'groups',
    ]);
    expect(fields([...both, 'g_groups'], 'gallery')).toEqual([
      ...[undefined, undefined, undefined],
      ...['features', 'identities', 'cameras', 'groups'],
    ]);
  });

  test('a field’s own name takes the place of another, whichever comes first', () => {
    expect(fields(['labels', 'identities'])).toEqual(['identities', 'identities']);
    expect(fields(['identities', 'labels'])).toEqual(['identities', undefined]);
  });

  test.each([
    [['features', 'features'], /^features: the file has it twice/],
    [['pids', 'labels'], /which of them holds the identities is not clear/],
    [['qf', 'gf'], /holds two sets.*\?side=query/],
  ])('%j is refused', (names, message) => {
    expect(() => fields(names)).toThrow(message);
  });
});
