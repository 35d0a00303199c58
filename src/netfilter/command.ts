/** One line of a restore file as a command: what do_parse of iptables makes of it (iptables/xshared.c). @module */
import type { Family, OptionSpec } from './extension.ts';
import { GENERIC_OPTIONS, type GenericOption, shortOption } from './generic-options.ts';
import { parseUint } from './number.ts';
import { ParseError, type Position } from './parse-error.ts';
import type { Rule } from './rule.ts';
import { checkNatDrop, isVerdict, type Loaded, RuleLine, unknownTarget } from './rule-line.ts';
import type { Word } from './words.ts';

/** What the line is read against. */
export interface CommandContext {
  readonly family: Family;
  readonly table: string;
  /** Is there such a user chain so far? */
  hasChain(name: string): boolean;
  /** Is there such an ipset? */
  hasSet(name: string): boolean;
}

/** A command of one line. */
export interface Command {
  /** Letter of the option that names it: A C D I R F Z N X E P. */
  readonly letter: string;
  /** '' for all chains (F, Z, X). */
  readonly chain: string;
  /** Rule number from 1; 0 when there is none. */
  readonly index: number;
  /** The new name of E, the policy of P. */
  readonly operand: string;
  /** One for each pair of addresses of `-s` and `-d`. */
  readonly rules: readonly Rule[];
  readonly counters: { readonly packets: number; readonly bytes: number } | null;
  readonly at: Position;
}

/** XT_EXTENSION_MAXNAMELEN without its closing zero. */
const MAX_CHAIN_NAME = 28;

const COMMANDS = 'ACDIRFZNXEP';
const RULE_COMMANDS = 'ACDIR';

/** @throws {ParseError} when no chain may be called so */
export function checkChainName(word: Word): string {
  const name = word.text;
  if (name === '' || /^[-!]/.test(name) || /\s/.test(name)) {
    throw new ParseError(`chain name "${name}", expected one without blanks that does not begin with - or !`, word.at);
  }
  if (isVerdict(name)) throw new ParseError(`chain name ${name}, expected one that is no verdict`, word.at);
  if (name.length > MAX_CHAIN_NAME) {
    throw new ParseError(
      `chain name ${name} of ${name.length} characters, expected at most ${MAX_CHAIN_NAME}`,
      word.at,
    );
  }
  return name;
}

class LineParser {
  private readonly words: readonly Word[];
  private readonly context: CommandContext;
  private next = 0;
  private invert: Word | null = null;
  private command: { letter: string; word: Word } | null = null;
  private chain = '';
  private index = 0;
  private operand = '';
  private counters: Command['counters'] = null;
  private readonly rule: RuleLine;
  /** Options that were given, by letter, for those that may stand once. */
  private readonly seen = new Set<string>();

  constructor(words: readonly Word[], context: CommandContext) {
    this.words = words;
    this.context = context;
    this.rule = new RuleLine(context);
  }

  parse(): Command {
    while (this.next < this.words.length) this.word(this.words[this.next++]!);
    if (this.invert !== null) throw new ParseError('nothing after !, expected an option', this.invert.at);
    if (this.command === null) throw new ParseError('no command, expected -A or another', this.words[0]!.at);
    const { letter, word } = this.command;
    const isRule = RULE_COMMANDS.includes(letter) && (letter !== 'D' || this.index === 0);
    const rules = isRule ? this.rule.rules(this.chain, word.at) : [];
    if (rules.length !== 1 && letter === 'R') {
      throw new ParseError(`${rules.length} rules from lists of addresses, expected one to replace with`, word.at);
    }
    const { chain, index, operand, counters } = this;
    return { letter, chain, index, operand, rules, counters, at: word.at };
  }

  private word(word: Word): void {
    const { text } = word;
    if (text === '!' && !word.quoted) {
      if (this.invert !== null) throw new ParseError('! a second time, expected an option', word.at);
      this.invert = word;
    } else if (word.quoted || !text.startsWith('-') || text === '-' || text === '--') {
      throw new ParseError(`${text}, expected an option`, word.at);
    } else if (text.startsWith('--')) {
      this.long(word);
    } else {
      this.short(word);
    }
  }

  /** `-A X`, `-AX`, `-fn`. */
  private short(word: Word): void {
    for (let i = 1; i < word.text.length; i++) {
      const option = shortOption(word.text[i]!);
      if (option === undefined)
        throw new ParseError(`unknown option -${word.text[i]}, expected one of iptables`, word.at);
      const rest = word.text.slice(i + 1);
      if (option.word === 'none') {
        this.generic(option, word, null);
        continue;
      }
      const column = word.at.column + i + 1;
      this.generic(option, word, rest === '' ? null : { text: rest, at: { ...word.at, column }, quoted: false });
      return;
    }
  }

  /** getopt_long: an exact name, or what only one name begins with; the extension loaded last is asked first. */
  private long(word: Word): void {
    const equals = word.text.indexOf('=');
    const name = word.text.slice(2, equals < 0 ? undefined : equals);
    const value =
      equals < 0
        ? null
        : { text: word.text.slice(equals + 1), at: { ...word.at, column: word.at.column + equals + 1 }, quoted: false };
    const found = this.lookUp(name, word);
    if ('letter' in found) this.generic(found, word, value);
    else this.extensionOption(found.loaded, found.spec, word, value);
  }

  private lookUp(name: string, word: Word): GenericOption | { loaded: Loaded; spec: OptionSpec } {
    const generic = GENERIC_OPTIONS.find((option) => option.long.includes(name));
    if (generic !== undefined) return generic;
    const exact = this.exactOption(name);
    if (exact !== undefined) return exact;
    const spellings = this.rule
      .loaded()
      .flatMap((use) =>
        use.extension.options.flatMap((spec) =>
          [spec.name, ...(spec.aliases ?? [])].map((text) => ({ loaded: use, spec, text })),
        ),
      );
    const longer = [
      ...spellings.filter((spelling) => spelling.text.startsWith(name)),
      ...GENERIC_OPTIONS.filter((option) => option.long.some((text) => text.startsWith(name))),
    ];
    const first = longer[0];
    if (first !== undefined && longer.every((other) => sameOption(first, other))) return first;
    if (longer.length === 0 && this.rule.loadProtocol()) return this.lookUp(name, word);
    if (longer.length > 0) throw new ParseError(`--${name} is ambiguous, expected more letters`, word.at);
    return this.unknownOption(name, word);
  }

  private exactOption(name: string): { loaded: Loaded; spec: OptionSpec } | undefined {
    for (const loaded of this.rule.loaded()) {
      const spec = loaded.extension.options.find((option) => option.name === name || option.aliases?.includes(name));
      if (spec !== undefined) return { loaded, spec };
    }
    return undefined;
  }

  private unknownOption(name: string, word: Word): never {
    // Its owner may be what is unknown.
    const missing = this.rule.missingTarget();
    if (missing !== null) throw unknownTarget(missing, this.context.table);
    const names = this.rule.loaded().map((use) => use.word.text);
    const of =
      names.length === 0 ? 'iptables (a match needs -m or -p before its options)' : `iptables, ${names.join(', ')}`;
    throw new ParseError(`unknown option --${name}, expected one of ${of}`, word.at);
  }

  private extensionOption(loaded: Loaded, spec: OptionSpec, word: Word, value: Word | null): void {
    let inverted = this.takeInvert();
    const words: Word[] = value === null ? [] : [value];
    const count = spec.words ?? 1;
    if (value !== null && count === 0) throw new ParseError(`--${spec.name}=${value.text}, expected no value`, word.at);
    const after = this.words[this.next];
    if (count > 0 && value === null && spec.invert === true && after?.text === '!' && !after.quoted) {
      if (inverted) throw new ParseError('! on both sides of an option, expected one', after.at);
      inverted = true;
      this.next++;
    }
    while (words.length < count) words.push(this.argument(word));
    loaded.given.add(spec, inverted, words, word.at);
  }

  private argument(option: Word): Word {
    const word = this.words[this.next++];
    if (word === undefined) throw new ParseError(`${option.text} without a value, expected one`, option.at);
    return word;
  }

  private takeInvert(): boolean {
    const inverted = this.invert !== null;
    this.invert = null;
    return inverted;
  }

  private optional(): Word | null {
    const word = this.words[this.next];
    if (word === undefined || word.text === '!' || word.text.startsWith('-')) return null;
    this.next++;
    return word;
  }

  private generic(option: GenericOption, word: Word, attached: Word | null): void {
    const { letter } = option;
    if (this.invert !== null && !'sdpiof'.includes(letter)) {
      throw new ParseError(
        `! before ${word.text}, expected it before -s -d -p -i -o -f or an option of a match`,
        this.invert.at,
      );
    }
    if ('sdpiofjgc'.includes(letter)) this.once(letter === 'g' ? 'j' : letter, word);
    if (COMMANDS.includes(letter)) this.takeCommand(option, word, attached);
    else if (letter === 'f') this.rule.testFragment(word, this.takeInvert());
    else if (option.word === 'required') this.setting(letter, word, this.operandOf(letter, word, attached));
    else if (option.word === 'optional' && attached === null) this.optional();
  }

  /** The word of an option; before that of a rule's own test `!` may stand. */
  private operandOf(letter: string, option: Word, attached: Word | null): Word {
    const word = attached ?? this.argument(option);
    if (attached !== null || !'sdpio'.includes(letter) || word.text !== '!' || word.quoted) return word;
    if (this.invert !== null) throw new ParseError('! on both sides of an option, expected one', word.at);
    this.invert = word;
    return this.argument(option);
  }

  private once(letter: string, word: Word): void {
    if (this.seen.has(letter)) throw new ParseError(`${word.text} a second time, expected it once`, word.at);
    this.seen.add(letter);
  }

  private setting(letter: string, word: Word, operand: Word): void {
    const { table } = this.context;
    if ('sdpio'.includes(letter)) this.rule.test(letter, operand, this.takeInvert());
    else if (letter === 'm') this.rule.loadMatch(operand);
    else if (letter === 'j' || letter === 'g') this.rule.loadTarget(letter === 'j' ? 'jump' : 'goto', operand);
    else if (letter === 'c') this.counters = this.parseCounters(operand, word);
    else throw new ParseError(`${word.text}, expected the table ${table} of the line that begins with *`, word.at);
  }

  private parseCounters(word: Word, option: Word): { packets: number; bytes: number } {
    const [first, second] = word.text.includes(',') ? word.text.split(',') : [word.text, this.argument(option).text];
    const packets = parseUint(first!);
    const bytes = parseUint(second!);
    if (packets === undefined || bytes === undefined) {
      throw new ParseError(`counters ${first} ${second}, expected packets and bytes as numbers`, word.at);
    }
    return { packets, bytes };
  }

  private takeCommand(option: GenericOption, word: Word, attached: Word | null): void {
    const { letter } = option;
    if (this.command !== null)
      throw new ParseError(`${word.text} beside ${this.command.word.text}, expected one command`, word.at);
    this.command = { letter, word };
    const chain = attached ?? (option.word === 'required' ? this.argument(word) : this.optional());
    if (chain !== null) this.chain = checkChainName(chain);
    if ('IDRZ'.includes(letter) && chain !== null) this.index = this.ruleNumber(letter, word);
    if (letter !== 'E' && letter !== 'P') return;
    const operand = this.argument(word);
    if (letter === 'P') checkNatDrop(operand, this.context.table);
    this.operand = operand.text;
  }

  private ruleNumber(letter: string, command: Word): number {
    const word = letter === 'R' ? this.argument(command) : this.optional();
    if (word === null) return letter === 'I' ? 1 : 0;
    const number = parseUint(word.text);
    if (number === undefined || number === 0)
      throw new ParseError(`rule number ${word.text}, expected 1 or more`, word.at);
    return number;
  }
}

const sameOption = (a: object, b: object): boolean => ('spec' in a && 'spec' in b ? a.spec === b.spec : a === b);

/** Read a command line, its first word an option. @throws {ParseError} */
export const parseCommand = (words: readonly Word[], context: CommandContext): Command =>
  new LineParser(words, context).parse();
