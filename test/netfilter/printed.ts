/** Reads a file of rules with what the real iptables made of them. For tests of extensions. */
import { readFileSync } from 'node:fs';
import type { Family } from '../../src/netfilter/extension.ts';
import { formatSave, parseSave } from '../../src/netfilter/save.ts';

export interface Printed {
  readonly table: string;
  readonly family: Family;
  readonly rule: string;
  /** What iptables-save printed, or null when the rule was refused. */
  readonly printed: string | null;
}

export function readPrinted(url: URL): Printed[] {
  const cases: Printed[] = [];
  let [table, family] = ['', 'ipv4' as Family];
  const lines = readFileSync(url, 'utf8').split('\n');
  lines.forEach((line, i) => {
    const section = /^# (\w+) (ipv4|ipv6)$/.exec(line);
    if (section !== null) [table, family] = [section[1]!, section[2] as Family];
    if (!line.startsWith('-A ')) return;
    const answer = lines[i + 1]!.trim();
    cases.push({ table, family, rule: line, printed: answer === 'refused' ? null : answer.slice('=> '.length) });
  });
  return cases;
}

/** The rule, read and printed again. @throws {ParseError} */
export function reprint(table: string, family: Family, rule: string): string {
  const ruleset = parseSave(`*${table}\n${rule}\nCOMMIT\n`, 'rules', { family });
  return (
    formatSave(ruleset)
      .split('\n')
      .find((line) => line.startsWith('-A')) ?? ''
  );
}
