/** What one line says of a rule, word by word, until it is complete: the parts of struct iptables_command_state. @module */
import { protocolName, protocolNumber } from '../packet/protocols.ts';
import { parseAddresses } from './address-test.ts';
import type { CommandContext } from './command.ts';
import type { Match, Target } from './extension.ts';
import { GivenOptions } from './given.ts';
import { findMatch } from './matches/index.ts';
import { parseUint } from './number.ts';
import { ParseError, type Position, UnknownExtension } from './parse-error.ts';
import type { AddressTest, DeviceTest, Rule, RuleTarget, StandardVerdict, Use } from './rule.ts';
import { findTarget } from './targets/index.ts';
import type { Word } from './words.ts';

/** IFNAMSIZ without its closing zero. */
const MAX_DEVICE_NAME = 15;

const VERDICTS: readonly string[] = ['ACCEPT', 'DROP', 'QUEUE', 'RETURN'];
export const isVerdict = (name: string): name is StandardVerdict => VERDICTS.includes(name);

/** An extension of the line with the options that it was given. */
export interface Loaded<E = Match | Target> {
  readonly extension: E;
  readonly given: GivenOptions;
  readonly word: Word;
}

/** What a `-j` to nothing is: no chain at the end of its table, no target by that name. */
export const unknownTarget = (word: { text: string; at: Position }, table: string): UnknownExtension =>
  new UnknownExtension(
    `target ${word.text}`,
    `no chain or target ${word.text}, expected a chain of table ${table} or a target that can be loaded`,
    word.at,
  );

/** `-j DROP` and `-P DROP` in the nat table. @throws {ParseError} */
export function checkNatDrop(word: Word, table: string): void {
  if (table !== 'nat' || word.text !== 'DROP') return;
  throw new ParseError('DROP in table nat, expected it in a table that filters', word.at);
}

/** Reads the words of one rule. */
export class RuleLine {
  private readonly context: CommandContext;
  private src: AddressTest[] = [];
  private dst: AddressTest[] = [];
  private iif: (DeviceTest & { at: Position }) | null = null;
  private oif: (DeviceTest & { at: Position }) | null = null;
  private protocol: { number: number; name: string; invert: boolean; at: Position } | null = null;
  private protocolLoaded = false;
  private fragment: boolean | null = null;
  private readonly matches: Loaded<Match>[] = [];
  private target: Loaded<Target> | null = null;
  private jump: { kind: 'jump' | 'goto'; word: Word } | null = null;

  constructor(context: CommandContext) {
    this.context = context;
  }

  /** Extensions so far, the last first: where an option is looked for. */
  loaded(): readonly Loaded[] {
    return [...this.matches, ...(this.target === null ? [] : [this.target])].reverse();
  }

  /** `-s -d -i -o -p`, perhaps inverted. @throws {ParseError} */
  test(letter: string, word: Word, invert: boolean): void {
    const { family } = this.context;
    if (letter === 's') this.src = parseAddresses(word, family, invert);
    else if (letter === 'd') this.dst = parseAddresses(word, family, invert);
    else if (letter === 'p') this.protocol = parseProtocol(word, invert);
    else if (letter === 'i') this.iif = parseDevice(word, invert);
    else this.oif = parseDevice(word, invert);
  }

  /** `-f`. @throws {ParseError} in IPv6 */
  testFragment(word: Word, invert: boolean): void {
    if (this.context.family === 'ipv6') throw new ParseError('-f, expected -m frag in IPv6', word.at);
    this.fragment = !invert;
  }

  /** `-m NAME`. @throws {UnknownExtension} */
  loadMatch(word: Word): void {
    const match = findMatch(word.text, this.context.family);
    if (match === undefined)
      throw new UnknownExtension(
        `match ${word.text}`,
        `unknown match ${word.text}, expected one that can be loaded`,
        word.at,
      );
    this.matches.push({ extension: match, given: new GivenOptions(word), word });
  }

  /** `-p tcp --dport`: the match that has the protocol's name, once. @returns whether one came */
  loadProtocol(): boolean {
    if (this.protocol === null || this.protocolLoaded) return false;
    const { name, at } = this.protocol;
    const match = findMatch(name, this.context.family);
    if (match === undefined) return false;
    this.protocolLoaded = true;
    const word = { text: match.name, at, quoted: false };
    this.matches.push({ extension: match, given: new GivenOptions(word), word });
    return true;
  }

  /** `-j NAME`, `-g NAME`: a verdict, a chain, or a target. A name that is nothing yet may be a chain later. */
  loadTarget(kind: 'jump' | 'goto', word: Word): void {
    this.jump = { kind, word };
    checkNatDrop(word, this.context.table);
    if (kind === 'goto' || isVerdict(word.text) || this.context.hasChain(word.text)) return;
    const target = findTarget(word.text, this.context.family);
    if (target !== undefined) this.target = { extension: target, given: new GivenOptions(word), word };
  }

  /** The line's `-j` names nothing that is there. */
  missingTarget(): Word | null {
    const { jump, target } = this;
    if (jump === null || jump.kind === 'goto' || target !== null || isVerdict(jump.word.text)) return null;
    return this.context.hasChain(jump.word.text) ? null : jump.word;
  }

  /** The line is complete: a rule for each pair of addresses. `at` is its place when it has no target. @throws {ParseError} */
  rules(chain: string, at: Position): Rule[] {
    this.checkDevices(chain);
    const iif = withoutPlace(this.iif);
    const oif = withoutPlace(this.oif);
    const protocol = this.protocol?.number ?? 0;
    const invertProtocol = this.protocol?.invert ?? false;
    const { fragment } = this;
    const matches = this.matches.map((use) => this.finish(use, chain));
    const target = this.finishTarget(chain);
    const place = this.jump?.word.at ?? at;
    const sources = this.src.length > 0 ? this.src : [null];
    const destinations = this.dst.length > 0 ? this.dst : [null];
    // Written out: an object that is spread takes half as much again, and there may be a hundred thousand.
    const rule = (src: AddressTest | null, dst: AddressTest | null): Rule => {
      return { src, dst, iif, oif, protocol, invertProtocol, fragment, matches, target, at: place };
    };
    return sources.flatMap((src) => destinations.map((dst) => rule(src, dst)));
  }

  /** A packet has no device on that side of the hook. */
  private checkDevices(chain: string): void {
    if (this.oif !== null && (chain === 'PREROUTING' || chain === 'INPUT')) {
      throw new ParseError(`-o in ${chain}, expected -i`, this.oif.at);
    }
    if (this.iif !== null && (chain === 'OUTPUT' || chain === 'POSTROUTING')) {
      throw new ParseError(`-i in ${chain}, expected -o`, this.iif.at);
    }
  }

  private finish({ extension, given, word }: Loaded, chain: string): Use {
    const { family, table } = this.context;
    const protocol = this.protocol === null || this.protocol.invert ? 0 : this.protocol.number;
    if (extension.tables !== undefined && !extension.tables.includes(table)) {
      const tables = extension.tables.join(' or ');
      throw new ParseError(`${extension.name} in table ${table}, expected table ${tables}`, word.at);
    }
    if (extension.protocols !== undefined && !extension.protocols.includes(protocol)) {
      const protocols = extension.protocols.map(protocolName).join(' or ');
      throw new ParseError(`${extension.name} without its protocol, expected -p ${protocols}`, word.at);
    }
    const options = extension.parse(given.complete(extension.options, { family, table, protocol, chain }));
    const missing = extension.sets?.(options).find((name) => !this.context.hasSet(name));
    if (missing !== undefined) {
      throw new UnknownExtension(`set ${missing}`, `unknown set ${missing}, expected an ipset that is there`, word.at);
    }
    return { name: extension.name, options };
  }

  private finishTarget(chain: string): RuleTarget | null {
    if (this.target !== null) {
      const { name, options } = this.finish(this.target, chain);
      return { kind: 'extension', name, options };
    }
    if (this.jump === null) return null;
    const { kind, word } = this.jump;
    if (kind === 'jump' && isVerdict(word.text)) return { kind: 'verdict', verdict: word.text };
    return { kind, chain: word.text };
  }
}

const withoutPlace = (test: DeviceTest | null): DeviceTest | null =>
  test && { pattern: test.pattern, invert: test.invert };

function parseProtocol(word: Word, invert: boolean): { number: number; name: string; invert: boolean; at: Position } {
  const { text, at } = word;
  const number = protocolNumber(text);
  if (number === undefined)
    throw new ParseError(`unknown protocol ${text}, expected a name, a number up to 255 or all`, at);
  if (invert && number === 0) throw new ParseError('! -p all matches nothing, expected a protocol', at);
  // find_proto looks up the name of a number.
  return { number, name: parseUint(text) === undefined ? text.toLowerCase() : protocolName(number), invert, at };
}

function parseDevice({ text, at }: Word, invert: boolean): DeviceTest & { at: Position } {
  if (text === '') throw new ParseError('an empty device name, expected one', at);
  if (text.length > MAX_DEVICE_NAME) {
    throw new ParseError(`device name ${text} of ${text.length} characters, expected at most ${MAX_DEVICE_NAME}`, at);
  }
  return { pattern: text, invert, at };
}
