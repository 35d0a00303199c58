import { describe, expect, test } from 'vitest';
import type { Ruleset } from '../../src/netfilter/rule.ts';
import { formatSave, parseSave } from '../../src/netfilter/save.ts';
import { type GoldenText, goldenTexts } from '../golden/rules.ts';

const all = goldenTexts();
const of = (kind: GoldenText['kind']): readonly GoldenText[] => all.filter((golden) => golden.kind === kind);

const parse = ({ name, family }: GoldenText, text: string, base?: Ruleset): Ruleset =>
  parseSave(text, name, { family, counters: true, ...(base === undefined ? {} : { base }) });

/** Sections of a text, by the name of their table: the order of tables is another matter. */
const sections = (text: string): string[] => text.split(/^(?=\*)/m).sort();

const withoutCounters = (text: string): string =>
  text.replace(/^\[\d+:\d+\] /gm, '').replace(/\[\d+:\d+\]$/gm, '[0:0]');

describe('rule texts of real programs', () => {
  test.each(of('save'))('$name prints back as it was', (golden) => {
    const { text, backend } = golden;
    const printed = formatSave(parse(golden, text), { backend, counters: /^\[/m.test(text) });
    // iptables-legacy prints the table that was loaded last first.
    if (backend === 'legacy') expect(sections(printed)).toEqual(sections(text));
    else expect(printed).toBe(text);
  });

  test.each(of('sorted'))('$name prints back with the same lines', (golden) => {
    const lines = (text: string): string[] =>
      text
        .replace(/ \[0:0\]$/gm, '')
        .split('\n')
        .sort();
    // It names only tables that have something in them.
    expect(lines(formatSave(parse(golden, golden.text)))).toEqual(lines(golden.text));
  });

  test.each(of('rules'))('$name prints as the kernel gave it back', (golden) => {
    const { text, saved, backend } = golden;
    const printed = formatSave(parse(golden, text), { backend });
    expect(printed).toBe(withoutCounters(saved!));
  });

  test.each(of('restore'))('$name changes nothing where it was loaded before', (golden) => {
    const { text, saved, backend } = golden;
    const alone = parse(golden, text, { family: golden.family, tables: [], ignored: [] });
    expect(alone.tables.length).toBeGreaterThan(0);
    if (saved === undefined) return;
    const twice = parse(golden, text, parse(golden, saved));
    // The machine that printed it had no ipvs match.
    const printed = formatSave(twice, { backend }).replace(/^.* -m ipvs .*\n/gm, '');
    expect(printed).toBe(saved);
  });

  test.each(of('steps'))('$name leads from one state to the next', (golden) => {
    const { text, base, saved, backend } = golden;
    let ruleset: Ruleset =
      base === undefined ? { family: golden.family, tables: [], ignored: [] } : parse(golden, base);
    for (const step of text.split(/^#####.*\n/m)) ruleset = parse(golden, step, ruleset);
    if (saved !== undefined) expect(formatSave(ruleset, { backend })).toBe(saved);
  });
});
