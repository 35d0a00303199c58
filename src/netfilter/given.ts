/**
 * The options that one use of a match or target was given, read by type: xtables_option_parse and the xtopt_parse_*
 * functions, libxtables/xtoptions.c. @module
 */
import { servicePort } from '../packet/services.ts';
import type { Family, Given, GivenOption, OptionSpec } from './extension.ts';
import { parseUint } from './number.ts';
import { ParseError, type Position } from './parse-error.ts';
import type { Word } from './words.ts';

/** The rule around an extension, as far as its options may ask. */
export interface RuleContext {
  readonly family: Family;
  readonly protocol: number;
  readonly table: string;
  readonly chain: string;
}

interface OptionUse {
  readonly spec: OptionSpec;
  readonly inverted: boolean;
  readonly words: readonly Word[];
  readonly at: Position;
}

/** The options of one use, as they come. */
export class GivenOptions implements Given {
  private readonly name: Word;
  private readonly uses: OptionUse[] = [];
  private rule: RuleContext = { family: 'ipv4', protocol: 0, table: '', chain: '' };

  /** @param name the word after `-m` or `-j` */
  constructor(name: Word) {
    this.name = name;
  }

  /** Take one option of the line. @throws {ParseError} when it may not stand here */
  add(spec: OptionSpec, inverted: boolean, words: readonly Word[], at: Position): void {
    if (inverted && spec.invert !== true) throw new ParseError(`! before --${spec.name}, expected it without`, at);
    if (spec.multiple !== true && this.has(spec.name)) {
      throw new ParseError(`--${spec.name} a second time, expected it once`, at);
    }
    this.uses.push({ spec, inverted, words, at });
  }

  /** The line is complete: what the rule is. @throws {ParseError} when a required option is missing */
  complete(options: readonly OptionSpec[], rule: RuleContext): this {
    this.rule = rule;
    const missing = options.find((spec) => spec.required === true && !this.has(spec.name));
    if (missing !== undefined) this.fail(`${this.name.text} without --${missing.name}, expected one`);
    return this;
  }

  get family(): Family {
    return this.rule.family;
  }
  get protocol(): number {
    return this.rule.protocol;
  }
  get table(): string {
    return this.rule.table;
  }
  get chain(): string {
    return this.rule.chain;
  }

  has(option: string): boolean {
    return this.find(option) !== undefined;
  }

  inverted(option: string): boolean {
    return this.find(option)?.inverted ?? false;
  }

  text(option: string, index = 0): string {
    return this.find(option)?.words[index]?.text ?? '';
  }

  texts(option: string): readonly string[] {
    return this.uses.filter((use) => use.spec.name === option).map((use) => use.words[0]?.text ?? '');
  }

  inOrder(): readonly GivenOption[] {
    return this.uses.map(({ spec, inverted, words }) => ({ name: spec.name, inverted, text: words[0]?.text ?? '' }));
  }

  uint(option: string, max = 0xffffffff, min = 0): number {
    return this.number(option, this.text(option), max, min);
  }

  markMask(option: string): { readonly value: number; readonly mask: number } {
    const [value, mask, ...more] = this.text(option).split('/');
    if (more.length > 0) this.fail(`${this.text(option)}, expected value or value/mask`, option);
    return {
      value: this.number(option, value!, 0xffffffff, 0),
      mask: mask === undefined ? 0xffffffff : this.number(option, mask, 0xffffffff, 0),
    };
  }

  port(option: string): number {
    return this.portOf(option, this.text(option));
  }

  portRange(option: string): readonly [number, number] {
    const [first, last, ...more] = this.text(option).split(':');
    if (more.length > 0) this.fail(`${this.text(option)}, expected port or first:last`, option);
    const low = first === '' ? 0 : this.portOf(option, first!);
    if (last === undefined) return [low, low];
    const high = last === '' ? 65535 : this.portOf(option, last);
    if (low > high) this.fail(`port range ${this.text(option)}, expected first <= last`, option);
    return [low, high];
  }

  fail(message: string, option?: string): never {
    const use = option === undefined ? undefined : this.find(option);
    throw new ParseError(message, use?.words[0]?.at ?? use?.at ?? this.name.at);
  }

  private find(option: string): OptionUse | undefined {
    return this.uses.find((use) => use.spec.name === option);
  }

  private number(option: string, text: string, max: number, min: number): number {
    const value = parseUint(text);
    if (value === undefined) this.fail(`not a number: ${text}, expected ${min} to ${max}`, option);
    if (value < min || value > max) this.fail(`${text} is out of range, expected ${min} to ${max}`, option);
    return value;
  }

  private portOf(option: string, text: string): number {
    const value = parseUint(text) ?? servicePort(text);
    if (value === undefined) this.fail(`not a port: ${text}, expected a number or the name of a service`, option);
    if (value > 65535) this.fail(`port ${text} is out of range, expected 0 to 65535`, option);
    return value;
  }
}
