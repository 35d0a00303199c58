/** One line of a restore file as a command: what do_parse of iptables makes of it (iptables/xshared.c). @module */
import { parseAddresses } from './address-test.ts';
import type { Family, Match, OptionSpec, Target } from './extension.ts';
import { GENERIC_OPTIONS, type GenericOption, shortOption } from './generic-options.ts';
import { GivenOptions } from './given.ts';
import { findMatch } from './matches/index.ts';
import { parseUint } from './number.ts';
import { ParseError, type Position, UnknownExtension } from './parse-error.ts';
import { protocolName, protocolNumber } from './protocols.ts';
import type { AddressTest, DeviceTest, Rule, RuleTarget, StandardVerdict, Use } from './rule.ts';
import { findTarget } from './targets/index.ts';
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

/** XT_EXTENSION_MAXNAMELEN and IFNAMSIZ, both with a closing zero. */
const MAX_CHAIN_NAME = 28;
const MAX_DEVICE_NAME = 15;

const COMMANDS = 'ACDIRFZNXEP';
const RULE_COMMANDS = 'ACDIR';
const VERDICTS: readonly string[] = ['ACCEPT', 'DROP', 'QUEUE', 'RETURN'];
const isVerdict = (name: string): name is StandardVerdict => VERDICTS.includes(name);

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

/** An extension of the line with the options that it was given. */
interface Loaded<E> {
  readonly extension: E;
  readonly given: GivenOptions;
  readonly word: Word;
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
  private src: AddressTest[] = [];
  private dst: AddressTest[] = [];
  private iif: (DeviceTest & { at: Position }) | null = null;
  private oif: (DeviceTest & { at: Position }) | null = null;
  private protocol: { number: number; name: string; invert: boolean; at: Position } | null = null;
  private protocolLoaded = false;
  private fragment: boolean | null = null;
  private counters: Command['counters'] = null;
  private readonly matches: Loaded<Match>[] = [];
  private target: Loaded<Target> | null = null;
  private jump: { kind: 'jump' | 'goto'; word: Word } | null = null;
  /** Options that were given, by letter, for those that may stand once. */
  private readonly seen = new Set<string>();

  constructor(words: readonly Word[], context: CommandContext) {
    this.words = words;
    this.context = context;
  }

  parse(): Command {
    while (this.next < this.words.length) this.word(this.words[this.next++]!);
    if (this.invert !== null) throw new ParseError('nothing after !, expected an option', this.invert.at);
    if (this.command === null) throw new ParseError('no command, expected -A or another', this.words[0]!.at);
    const { letter, word } = this.command;
    const rules = RULE_COMMANDS.includes(letter) && (letter !== 'D' || this.index === 0) ? this.rules() : [];
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

  private lookUp(name: string, word: Word): GenericOption | { loaded: Loaded<Match | Target>; spec: OptionSpec } {
    const loaded = [...this.matches, ...(this.target === null ? [] : [this.target])].reverse();
    const generic = GENERIC_OPTIONS.find((option) => option.long.includes(name));
    if (generic !== undefined) return generic;
    const spellings = loaded.flatMap((use) =>
      use.extension.options.flatMap((spec) =>
        [spec.name, ...(spec.aliases ?? [])].map((text) => ({ loaded: use, spec, text })),
      ),
    );
    const exact = spellings.find((spelling) => spelling.text === name);
    if (exact !== undefined) return exact;
    const longer = [
      ...spellings.filter((spelling) => spelling.text.startsWith(name)),
      ...GENERIC_OPTIONS.filter((option) => option.long.some((text) => text.startsWith(name))),
    ];
    const first = longer[0];
    if (first !== undefined && longer.every((other) => sameOption(first, other))) return first;
    if (longer.length === 0 && this.loadProtocol()) return this.lookUp(name, word);
    if (longer.length > 0) throw new ParseError(`--${name} is ambiguous, expected more letters`, word.at);
    return this.unknownOption(name, word);
  }

  private unknownOption(name: string, word: Word): never {
    // Its owner may be what is unknown.
    if (this.jump?.kind === 'jump' && !this.context.hasChain(this.jump.word.text))
      throw unknownTarget(this.jump.word, this.context.table);
    const names = [...this.matches, ...(this.target === null ? [] : [this.target])].map((use) => use.word.text);
    const of =
      names.length === 0 ? 'iptables (a match needs -m or -p before its options)' : `iptables, ${names.join(', ')}`;
    throw new ParseError(`unknown option --${name}, expected one of ${of}`, word.at);
  }

  /** `-p tcp --dport`: the match that has the protocol's name, once. */
  private loadProtocol(): boolean {
    if (this.protocol === null || this.protocolLoaded) return false;
    const { name, at } = this.protocol;
    const match = findMatch(name, this.context.family);
    if (match === undefined) return false;
    this.protocolLoaded = true;
    const word = { text: match.name, at, quoted: false };
    this.matches.push({ extension: match, given: new GivenOptions(word), word });
    return true;
  }

  private extensionOption(loaded: Loaded<Match | Target>, spec: OptionSpec, word: Word, value: Word | null): void {
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
    else if (option.word === 'none') this.flag(letter, word);
    else if (option.word === 'required') this.setting(letter, word, this.operandOf(letter, word, attached));
    else if (attached === null) this.optional();
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

  private flag(letter: string, word: Word): void {
    if (letter !== 'f') return;
    if (this.context.family === 'ipv6') throw new ParseError('-f, expected -m frag in IPv6', word.at);
    this.fragment = !this.takeInvert();
  }

  private setting(letter: string, word: Word, operand: Word): void {
    const { family, table } = this.context;
    switch (letter) {
      case 's':
        this.src = parseAddresses(operand, family, this.takeInvert());
        break;
      case 'd':
        this.dst = parseAddresses(operand, family, this.takeInvert());
        break;
      case 'p':
        this.protocol = this.parseProtocol(operand);
        break;
      case 'i':
        this.iif = this.parseDevice(operand);
        break;
      case 'o':
        this.oif = this.parseDevice(operand);
        break;
      case 'm':
        this.loadMatch(operand);
        break;
      case 'j':
      case 'g':
        this.loadTarget(letter === 'j' ? 'jump' : 'goto', operand);
        break;
      case 'c':
        this.counters = this.parseCounters(operand, word);
        break;
      default:
        throw new ParseError(`${word.text}, expected the table ${table} of the line that begins with *`, word.at);
    }
  }

  private parseProtocol(word: Word): LineParser['protocol'] {
    const number = protocolNumber(word.text);
    if (number === undefined)
      throw new ParseError(`unknown protocol ${word.text}, expected a name, a number up to 255 or all`, word.at);
    const invert = this.takeInvert();
    if (invert && number === 0) throw new ParseError('! -p all matches nothing, expected a protocol', word.at);
    // Names that are numbers load no match: find_proto looks the name of a number up.
    return {
      number,
      name: parseUint(word.text) === undefined ? word.text.toLowerCase() : protocolName(number),
      invert,
      at: word.at,
    };
  }

  private parseDevice(word: Word): DeviceTest & { at: Position } {
    if (word.text === '') throw new ParseError('an empty device name, expected one', word.at);
    if (word.text.length > MAX_DEVICE_NAME) {
      throw new ParseError(
        `device name ${word.text} of ${word.text.length} characters, expected at most ${MAX_DEVICE_NAME}`,
        word.at,
      );
    }
    return { pattern: word.text, invert: this.takeInvert(), at: word.at };
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

  private loadMatch(word: Word): void {
    const match = findMatch(word.text, this.context.family);
    if (match === undefined)
      throw new UnknownExtension(
        `match ${word.text}`,
        `unknown match ${word.text}, expected one that can be loaded`,
        word.at,
      );
    this.matches.push({ extension: match, given: new GivenOptions(word), word });
  }

  private loadTarget(kind: 'jump' | 'goto', word: Word): void {
    this.jump = { kind, word };
    this.checkNatDrop(word);
    const { family } = this.context;
    if (kind === 'goto' || isVerdict(word.text) || this.context.hasChain(word.text)) return;
    const target = findTarget(word.text, family);
    if (target !== undefined) this.target = { extension: target, given: new GivenOptions(word), word };
  }

  private checkNatDrop(word: Word): void {
    if (this.context.table === 'nat' && word.text === 'DROP') {
      throw new ParseError('DROP in table nat, expected it in a table that filters', word.at);
    }
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
    if (letter === 'P') this.checkNatDrop(operand);
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

  private rules(): Rule[] {
    this.checkDevices();
    const protocol = this.protocol?.number ?? 0;
    const invertProtocol = this.protocol?.invert ?? false;
    const matches = this.matches.map((use) => this.finish(use));
    const target = this.finishTarget();
    const at = this.jump?.word.at ?? this.command!.word.at;
    const sources = this.src.length > 0 ? this.src : [null];
    const destinations = this.dst.length > 0 ? this.dst : [null];
    const device = (test: DeviceTest | null) => test && { pattern: test.pattern, invert: test.invert };
    return sources.flatMap((src) =>
      destinations.map((dst) => ({
        src,
        dst,
        iif: device(this.iif),
        oif: device(this.oif),
        protocol,
        invertProtocol,
        fragment: this.fragment,
        matches,
        target,
        at,
      })),
    );
  }

  /** A packet has no device on that side of the hook. */
  private checkDevices(): void {
    if (this.oif !== null && (this.chain === 'PREROUTING' || this.chain === 'INPUT')) {
      throw new ParseError(`-o in ${this.chain}, expected -i`, this.oif.at);
    }
    if (this.iif !== null && (this.chain === 'OUTPUT' || this.chain === 'POSTROUTING')) {
      throw new ParseError(`-i in ${this.chain}, expected -o`, this.iif.at);
    }
  }

  private finish({ extension, given, word }: Loaded<Match | Target>): Use {
    const { family, table } = this.context;
    const protocol = this.protocol === null || this.protocol.invert ? 0 : this.protocol.number;
    if (extension.tables !== undefined && !extension.tables.includes(table)) {
      throw new ParseError(
        `${extension.name} in table ${table}, expected table ${extension.tables.join(' or ')}`,
        word.at,
      );
    }
    if (extension.protocols !== undefined && !extension.protocols.includes(protocol)) {
      throw new ParseError(
        `${extension.name} without its protocol, expected -p ${extension.protocols.map(protocolName).join(' or ')}`,
        word.at,
      );
    }
    const options = extension.parse(given.complete(extension.options, { family, table, protocol, chain: this.chain }));
    const missing = extension.sets?.(options).find((name) => !this.context.hasSet(name));
    if (missing !== undefined) {
      throw new UnknownExtension(`set ${missing}`, `unknown set ${missing}, expected an ipset that is there`, word.at);
    }
    return { name: extension.name, options };
  }

  private finishTarget(): RuleTarget | null {
    if (this.target !== null) return { kind: 'extension', ...this.finish(this.target) };
    if (this.jump === null) return null;
    const { kind, word } = this.jump;
    if (kind === 'jump' && isVerdict(word.text)) return { kind: 'verdict', verdict: word.text };
    return { kind, chain: word.text };
  }
}

const sameOption = (a: object, b: object): boolean => ('spec' in a && 'spec' in b ? a.spec === b.spec : a === b);

/** What a `-j` to nothing is: no chain at the end of its table, no target by that name. */
export const unknownTarget = (word: { text: string; at: Position }, table: string): UnknownExtension =>
  new UnknownExtension(
    `target ${word.text}`,
    `no chain or target ${word.text}, expected a chain of table ${table} or a target that can be loaded`,
    word.at,
  );

/** Read a command line, its first word an option. @throws {ParseError} */
export const parseCommand = (words: readonly Word[], context: CommandContext): Command =>
  new LineParser(words, context).parse();
