/**
 * The language of iptables-save: text to rules and back. Reading does what iptables-restore does, with every command that it
 * takes; printing gives iptables-save's own text, `-c` included. @module
 */
import { checkChainName, parseCommand } from './command.ts';
import { TableEditor } from './edit.ts';
import type { Family } from './extension.ts';
import { type Backend, formatRule } from './format.ts';
import { ParseError, UnknownExtension } from './parse-error.ts';
import {
  type Chain,
  type IgnoredRule,
  isTableName,
  type RuleEntry,
  type Ruleset,
  TABLE_NAMES,
  type Table,
  type TableName,
} from './rule.ts';
import { verify } from './verify.ts';
import { splitWords, type Word } from './words.ts';

/** How a text is read. */
export interface ParseOptions {
  /** Default ipv4. */
  readonly family?: Family;
  /** Take the counters of `[p:b]` and of policies (iptables-restore -c); otherwise they are 0. */
  readonly counters?: boolean;
  /** Change these tables instead of replacing them (iptables-restore --noflush). */
  readonly base?: Ruleset;
  /** Leave out rules with a match or target that is not known, and list them. */
  readonly ignoreUnknown?: boolean;
  /** Which ipsets are there; absent: every name is. */
  readonly hasSet?: (name: string) => boolean;
}

interface Counters {
  readonly packets: number;
  readonly bytes: number;
}

const NONE: Counters = { packets: 0, bytes: 0 };

class Restore {
  private readonly file: string;
  private readonly options: ParseOptions;
  private readonly family: Family;
  private readonly tables = new Map<TableName, Table>();
  private readonly ignored: IgnoredRule[] = [];
  private editor: TableEditor | null = null;

  constructor(file: string, options: ParseOptions) {
    this.file = file;
    this.options = options;
    this.family = options.family ?? 'ipv4';
    for (const table of options.base?.tables ?? []) this.tables.set(table.name, table);
  }

  read(text: string): Ruleset {
    const lines = text.split('\n');
    lines.forEach((line, i) => {
      this.line(line, i + 1);
    });
    if (this.editor !== null) {
      const at = { file: this.file, line: lines.at(-1) === '' ? lines.length : lines.length + 1, column: 1 };
      throw new ParseError(`end of the file in table ${this.editor.name}, expected COMMIT`, at);
    }
    return { family: this.family, tables: [...this.tables.values()], ignored: this.ignored };
  }

  private line(line: string, number: number): void {
    if (line.trim() === '' || line.startsWith('#')) return;
    const words = splitWords(line, this.file, number);
    if (this.editor === null) this.begin(words);
    else if (line.trimEnd() === 'COMMIT') this.commit(this.editor);
    else if (line.startsWith(':')) this.chain(words, this.editor);
    else if (line.startsWith('[')) this.counted(line, number, words[0]!, this.editor);
    else this.command(line, words, NONE, this.editor);
  }

  private begin(words: readonly Word[]): void {
    const { text, at } = words[0]!;
    if (!text.startsWith('*')) throw new ParseError(`${text} outside a table, expected a line like *filter`, at);
    const name = text.slice(1) || (words[1]?.text ?? '');
    if (!isTableName(name)) throw new ParseError(`unknown table ${name}, expected ${TABLE_NAMES.join(', ')}`, at);
    const from = this.options.base === undefined ? null : (this.tables.get(name) ?? null);
    this.editor = new TableEditor(name, this.family, from);
  }

  private commit(editor: TableEditor): void {
    const ignore = (rule: IgnoredRule): void => {
      this.ignored.push(rule);
    };
    const table = editor.finish(this.options.ignoreUnknown === true ? ignore : null);
    verify(table, this.family);
    this.tables.set(editor.name, table);
    this.editor = null;
  }

  /** `:CHAIN POLICY [p:b]` */
  private chain(words: readonly Word[], editor: TableEditor): void {
    const [first, ...rest] = words;
    const attached = first!.text.slice(1);
    const name =
      attached === ''
        ? rest.shift()
        : { ...first!, text: attached, at: { ...first!.at, column: first!.at.column + 1 } };
    if (name === undefined) throw new ParseError('no name of a chain, expected one', first!.at);
    const policy = rest[0];
    if (policy === undefined)
      throw new ParseError(`chain ${name.text} without a policy, expected ACCEPT, DROP or -`, name.at);
    const counters = rest[1] !== undefined && this.options.counters === true ? parseCounters(rest[1]) : NONE;
    editor.declare(checkChainName(name), policy.text, counters.packets, counters.bytes, policy.at);
  }

  /** `[packets:bytes] -A CHAIN ...`, with or without a blank between. */
  private counted(line: string, number: number, first: Word, editor: TableEditor): void {
    const length = line.indexOf(']') + 1 || line.length;
    const counters = parseCounters({ ...first, text: line.slice(0, length) });
    const words = splitWords(line, this.file, number, length);
    if (words.length === 0) throw new ParseError('counters without a rule, expected one', first.at);
    this.command(line, words, this.options.counters === true ? counters : NONE, editor);
  }

  private command(line: string, words: readonly Word[], counters: Counters, editor: TableEditor): void {
    // A text may be for both families.
    const other = this.family === 'ipv4' ? ['-6', '--ipv6'] : ['-4', '--ipv4'];
    if (words.some(({ text, quoted }) => !quoted && other.includes(text))) return;
    try {
      const { hasSet = () => true } = this.options;
      const command = parseCommand(words, {
        family: this.family,
        table: editor.name,
        hasChain: (name) => editor.isUserChain(name),
        hasSet,
      });
      editor.apply(command, counters);
    } catch (error) {
      if (!(error instanceof UnknownExtension) || this.options.ignoreUnknown !== true) throw error;
      this.ignored.push({ what: error.what, text: line.trim(), at: error.at });
    }
  }
}

/** `[packets:bytes]` */
function parseCounters(word: Word): Counters {
  const match = /^\[(\d+):(\d+)\]$/.exec(word.text);
  if (match === null) throw new ParseError(`counters ${word.text}, expected [packets:bytes]`, word.at);
  return { packets: Number(match[1]), bytes: Number(match[2]) };
}

/**
 * Read a restore file. `file` is its name in errors. Nothing is loaded: the result is data.
 * @throws {ParseError} at the first word that iptables-restore would not take
 */
export const parseSave = (text: string, file: string, options: ParseOptions = {}): Ruleset =>
  new Restore(file, options).read(text);

/** How a text is written. */
export interface FormatOptions {
  /** Print `[packets:bytes]` before each rule (iptables-save -c). */
  readonly counters?: boolean;
  /** Default nft. */
  readonly backend?: Backend;
}

/** iptables-nft goes through its tables in this order; iptables-legacy through the kernel's list, the youngest first. */
const NFT_ORDER: readonly TableName[] = ['mangle', 'security', 'raw', 'filter', 'nat'];

function inOrder(tables: readonly Table[], backend: Backend): readonly Table[] {
  if (backend === 'legacy') return [...tables].reverse();
  return NFT_ORDER.flatMap((name) => tables.find((table) => table.name === name && table.made) ?? []);
}

/** What iptables-save prints for these rules, without its comment lines. Inverse of {@link parseSave}. */
export const formatSave = (ruleset: Ruleset, options: FormatOptions = {}): string =>
  inOrder(ruleset.tables, options.backend ?? 'nft')
    .map((table) => formatTable(table, ruleset.family, options))
    .join('');

function formatTable(table: Table, family: Family, options: FormatOptions): string {
  const chains = table.chains.map(
    ({ name, policy, packets, bytes }) => `:${name} ${policy ?? '-'} [${packets}:${bytes}]\n`,
  );
  const rules = table.chains.flatMap((chain) => chain.rules.map((entry) => formatEntry(chain, entry, family, options)));
  return `*${table.name}\n${chains.join('')}${rules.join('')}COMMIT\n`;
}

function formatEntry(
  chain: Chain,
  { rule, packets, bytes }: RuleEntry,
  family: Family,
  options: FormatOptions,
): string {
  const counters = options.counters === true ? `[${packets}:${bytes}] ` : '';
  return `${`${counters}-A ${chain.name} ${formatRule(rule, family, options.backend ?? 'nft')}`.trimEnd()}\n`;
}
