/**
 * The tables that a restore file changes, while it is read: what iptables-restore does for each command, the chains that it
 * creates and empties included (iptables/iptables-restore.c, libiptc/libiptc.c). @module
 */
import type { Command } from './command.ts';
import type { Family } from './extension.ts';
import { formatRule } from './format.ts';
import { ParseError, type Position } from './parse-error.ts';
import {
  BASE_CHAINS,
  type Chain,
  type IgnoredRule,
  type Rule,
  type RuleEntry,
  type Table,
  type TableName,
} from './rule.ts';
import { unknownTarget } from './rule-line.ts';

interface WorkingChain {
  name: string;
  policy: Chain['policy'];
  declared: boolean;
  packets: number;
  bytes: number;
  rules: RuleEntry[];
}

const zero = (entry: RuleEntry): RuleEntry => ({ rule: entry.rule, packets: 0, bytes: 0 });

/** One table under change. Positions in its errors are those of the command at hand. */
export class TableEditor {
  readonly name: TableName;
  private readonly family: Family;
  private readonly chains = new Map<string, WorkingChain>();
  private made: boolean;

  /** @param from what to begin with, or null for empty base chains */
  constructor(name: TableName, family: Family, from: Table | null) {
    this.name = name;
    this.family = family;
    this.made = from?.made ?? false;
    for (const base of BASE_CHAINS[name])
      this.chains.set(base, { name: base, policy: 'ACCEPT', declared: false, packets: 0, bytes: 0, rules: [] });
    for (const chain of from?.chains ?? []) this.chains.set(chain.name, { ...chain, rules: [...chain.rules] });
  }

  isUserChain(name: string): boolean {
    return this.chains.get(name)?.policy === null;
  }

  /** `:CHAIN POLICY [p:b]`: a base chain's policy, or a user chain that is there and empty afterwards. */
  declare(name: string, policy: string, packets: number, bytes: number, at: Position): void {
    const chain = this.chains.get(name);
    this.made = true;
    if (chain === undefined) {
      this.chains.set(name, { name, policy: null, declared: true, packets: 0, bytes: 0, rules: [] });
    } else if (chain.policy === null) {
      chain.rules = [];
    } else {
      chain.declared = true;
      if (policy === '-') return;
      this.setPolicy(chain, policy, at);
      chain.packets = packets;
      chain.bytes = bytes;
    }
  }

  /** Do one command. @throws {ParseError} when there is no such chain or rule */
  apply(command: Command, counters: { readonly packets: number; readonly bytes: number }): void {
    if (command.chain !== '') this.made = true;
    const { packets, bytes } = command.counters ?? counters;
    const entries = command.rules.map((rule) => ({ rule, packets, bytes }));
    switch (command.letter) {
      case 'A':
        this.chain(command).rules.push(...entries);
        break;
      case 'I':
        this.insert(command, entries);
        break;
      case 'R':
        this.chain(command).rules[this.ruleIndex(command)] = entries[0]!;
        break;
      case 'D':
        this.delete(command);
        break;
      case 'C':
        for (const rule of command.rules) this.find(command, rule);
        break;
      case 'F':
        for (const chain of this.named(command)) chain.rules = [];
        break;
      case 'Z':
        this.zero(command);
        break;
      case 'N':
        this.create(command);
        break;
      case 'X':
        this.remove(command);
        break;
      case 'E':
        this.rename(command);
        break;
      case 'P':
        this.setPolicy(this.chain(command), command.operand, command.at);
        break;
      default:
        throw new Error(`no command -${command.letter}`);
    }
  }

  /**
   * The table as data. A rule that leads to no chain is an error, or left out and told to `ignore`.
   * @throws {ParseError}
   */
  finish(ignore: ((rule: IgnoredRule) => void) | null): Table {
    const names = [...this.chains.keys()].filter((name) => this.isUserChain(name)).sort();
    const chains = [...BASE_CHAINS[this.name], ...names].map((name): Chain => {
      const chain = this.chains.get(name)!;
      const { policy, declared, packets, bytes } = chain;
      const rules = chain.rules.filter(({ rule }) => this.targetExists(name, rule, ignore));
      return { name, policy, declared, packets, bytes, rules };
    });
    return { name: this.name, made: this.made, chains };
  }

  private targetExists(chain: string, rule: Rule, ignore: ((rule: IgnoredRule) => void) | null): boolean {
    const { target, at } = rule;
    if (target === null || (target.kind !== 'jump' && target.kind !== 'goto') || this.isUserChain(target.chain))
      return true;
    if (this.chains.has(target.chain))
      throw new ParseError(`jump to the base chain ${target.chain}, expected a user chain`, at);
    const error = unknownTarget({ text: target.chain, at }, this.name);
    if (ignore === null) throw error;
    ignore({ what: error.what, text: `-A ${chain} ${formatRule(rule, this.family, 'legacy')}`, at });
    return false;
  }

  private chain(command: Command): WorkingChain {
    const chain = this.chains.get(command.chain);
    if (chain === undefined)
      throw new ParseError(`no chain ${command.chain}, expected a chain of table ${this.name}`, command.at);
    return chain;
  }

  private named(command: Command): WorkingChain[] {
    return command.chain === '' ? [...this.chains.values()] : [this.chain(command)];
  }

  private ruleIndex(command: Command): number {
    const { rules } = this.chain(command);
    if (command.index > rules.length) {
      throw new ParseError(`rule ${command.index} of ${command.chain}, expected at most ${rules.length}`, command.at);
    }
    return command.index - 1;
  }

  private insert(command: Command, entries: RuleEntry[]): void {
    const { rules } = this.chain(command);
    if (command.index > rules.length + 1) {
      throw new ParseError(
        `place ${command.index} in ${command.chain}, expected at most ${rules.length + 1}`,
        command.at,
      );
    }
    // Each rule of a list goes to the same place, so the last comes first.
    for (const entry of entries) rules.splice(command.index - 1, 0, entry);
  }

  private delete(command: Command): void {
    const { rules } = this.chain(command);
    if (command.index > 0) rules.splice(this.ruleIndex(command), 1);
    else for (const rule of command.rules) rules.splice(this.find(command, rule), 1);
  }

  private find(command: Command, rule: Rule): number {
    const text = formatRule(rule, this.family, 'legacy');
    const index = this.chain(command).rules.findIndex(
      (entry) => formatRule(entry.rule, this.family, 'legacy') === text,
    );
    if (index < 0) throw new ParseError(`no rule ${text} in ${command.chain}, expected one that is there`, command.at);
    return index;
  }

  private zero(command: Command): void {
    for (const chain of this.named(command)) {
      if (command.index > 0) {
        const index = this.ruleIndex(command);
        chain.rules[index] = zero(chain.rules[index]!);
        continue;
      }
      chain.packets = 0;
      chain.bytes = 0;
      chain.rules = chain.rules.map(zero);
    }
  }

  private create(command: Command): void {
    const { chain: name, at } = command;
    if (this.chains.has(name)) throw new ParseError(`chain ${name} is there already, expected a new name`, at);
    this.chains.set(name, { name, policy: null, declared: true, packets: 0, bytes: 0, rules: [] });
  }

  private remove(command: Command): void {
    if (command.chain === '') {
      for (const chain of this.named(command)) {
        if (chain.policy === null && chain.rules.length === 0 && this.user(chain.name) === undefined)
          this.chains.delete(chain.name);
      }
      return;
    }
    const chain = this.chain(command);
    const user = this.user(chain.name);
    if (chain.policy !== null)
      throw new ParseError(`-X of the base chain ${chain.name}, expected a user chain`, command.at);
    if (chain.rules.length > 0)
      throw new ParseError(`-X of ${chain.name} with ${chain.rules.length} rules, expected an empty chain`, command.at);
    if (user !== undefined)
      throw new ParseError(`-X of ${chain.name}, which a rule of ${user} leads to, expected it unused`, command.at);
    this.chains.delete(chain.name);
  }

  /** A chain with a rule that leads to `name`, if any. */
  private user(name: string): string | undefined {
    for (const chain of this.chains.values()) {
      if (chain.rules.some(({ rule }) => rule.target !== null && 'chain' in rule.target && rule.target.chain === name))
        return chain.name;
    }
    return undefined;
  }

  private rename(command: Command): void {
    const chain = this.chain(command);
    const to = command.operand;
    if (chain.policy !== null)
      throw new ParseError(`-E of the base chain ${chain.name}, expected a user chain`, command.at);
    if (this.chains.has(to)) throw new ParseError(`chain ${to} is there already, expected a new name`, command.at);
    this.chains.delete(chain.name);
    this.chains.set(to, { ...chain, name: to });
    for (const other of this.chains.values()) {
      other.rules = other.rules.map((entry) => {
        const { target } = entry.rule;
        if (target === null || !('chain' in target) || target.chain !== command.chain) return entry;
        return { ...entry, rule: { ...entry.rule, target: { ...target, chain: to } } };
      });
    }
  }

  private setPolicy(chain: WorkingChain, policy: string, at: Position): void {
    if (chain.policy === null)
      throw new ParseError(`policy of the user chain ${chain.name}, expected a base chain`, at);
    if (policy !== 'ACCEPT' && policy !== 'DROP') throw new ParseError(`policy ${policy}, expected ACCEPT or DROP`, at);
    chain.policy = policy;
  }
}
