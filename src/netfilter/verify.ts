/**
 * What can only be said of a whole table: chains that lead back to themselves, and extensions in hooks that they are not made
 * for. mark_source_chains of net/ipv4/netfilter/ip_tables.c, nft_chain_validate of net/netfilter/nf_tables_api.c. @module
 */
import type { Family } from './extension.ts';
import { findMatch } from './matches/index.ts';
import { ParseError } from './parse-error.ts';
import type { Chain, HookName, Rule, Table } from './rule.ts';
import { findTarget } from './targets/index.ts';

/** The extensions of a rule, as far as they are bound to hooks. */
function* bound(rule: Rule, family: Family): Generator<{ name: string; hooks: readonly string[] }> {
  for (const { name } of rule.matches) {
    const hooks = findMatch(name, family)?.hooks;
    if (hooks !== undefined) yield { name, hooks };
  }
  if (rule.target?.kind !== 'extension') return;
  const hooks = findTarget(rule.target.name, family)?.hooks;
  if (hooks !== undefined) yield { name: rule.target.name, hooks };
}

class Walk {
  private readonly chains: ReadonlyMap<string, Chain>;
  private readonly family: Family;
  private readonly path: string[] = [];
  private readonly done = new Set<string>();
  private hook: HookName | null = null;

  constructor(table: Table, family: Family) {
    this.chains = new Map(table.chains.map((chain) => [chain.name, chain]));
    this.family = family;
  }

  /** Visit what a hook reaches (null: a chain that no hook may reach). */
  from(hook: HookName | null, chain: string): void {
    this.hook = hook;
    if (hook !== null) this.done.clear();
    this.visit(this.chains.get(chain)!);
  }

  private visit(chain: Chain): void {
    if (this.done.has(chain.name)) return;
    this.path.push(chain.name);
    for (const { rule } of chain.rules) {
      this.checkHooks(rule);
      const { target } = rule;
      if (target !== null && 'chain' in target) this.follow(rule, target.chain);
    }
    this.path.pop();
    this.done.add(chain.name);
  }

  private follow(rule: Rule, name: string): void {
    const start = this.path.indexOf(name);
    if (start >= 0) {
      const loop = [...this.path.slice(start), name].join(' -> ');
      throw new ParseError(`a loop of chains: ${loop}, expected chains that end`, rule.at);
    }
    this.visit(this.chains.get(name)!);
  }

  private checkHooks(rule: Rule): void {
    const { hook } = this;
    if (hook === null) return;
    for (const { name, hooks } of bound(rule, this.family)) {
      if (hooks.includes(hook)) continue;
      const from = this.path.length > 1 ? `${this.path.at(-1)}, which ${hook} leads to` : hook;
      throw new ParseError(`${name} in ${from}, expected only in ${hooks.join(', ')}`, rule.at);
    }
  }
}

/** @throws {ParseError} at the first rule that the kernel would refuse, knowing the whole table */
export function verify(table: Table, family: Family): void {
  const walk = new Walk(table, family);
  for (const chain of table.chains) walk.from(chain.policy === null ? null : (chain.name as HookName), chain.name);
}
