import { describe, expect, test } from 'vitest';
import { ParseError } from '../../../src/netfilter/parse-error.ts';
import { readPrinted, reprint } from '../printed.ts';

const cases = readPrinted(new URL('printed.txt', import.meta.url));

// What iptables prints of these it does not read back itself.
const oneWay = / a b | 0b\/s | 5286113568b\/s |-m ipcomp$| a b$/;

describe('matches as iptables 1.8.9 reads and prints them', () => {
  test.each(cases.filter(({ printed }) => printed !== null))('$family $rule', ({ table, family, rule, printed }) => {
    expect(reprint(table, family, rule)).toBe(printed);
  });

  test.each(cases.filter(({ printed }) => printed !== null && !oneWay.test(printed)))(
    'what is printed of $rule reads back the same',
    (each) => {
      expect(reprint(each.table, each.family, each.printed!)).toBe(each.printed);
    },
  );

  test.each(cases.filter(({ printed }) => printed === null))('$family $rule is refused with its place', (each) => {
    expect(() => reprint(each.table, each.family, each.rule)).toThrow(ParseError);
    expect(() => reprint(each.table, each.family, each.rule)).toThrow(/^rules:2:\d+: .*expected/);
  });
});
