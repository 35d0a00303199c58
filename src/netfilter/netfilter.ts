/** The tables of one namespace: loaded from rules, hooked into its protocols, printed with what they counted. @module */
import type { Conntrack } from '../conntrack/conntrack.ts';
import { Refusal, SetRegistry } from '../ipset/registry.ts';
import type { Device } from '../net/device.ts';
import {
  type HookEntry,
  INPUT,
  NF_ACCEPT,
  NF_DROP,
  OUTPUT,
  POSTROUTING,
  PRI_FILTER,
  PRI_MANGLE,
  PRI_NAT_DST,
  PRI_NAT_SRC,
  PRI_RAW,
  PRI_SECURITY,
  type Verdict,
} from '../net/hook.ts';
import type { Netns } from '../net/netns.ts';
import * as ipv4 from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import { compile, type Program } from './compile.ts';
import { type Surroundings, TableState } from './evaluate.ts';
import type { Family } from './extension.ts';
import type { Backend } from './format.ts';
import type { Lookup } from './lookup.ts';
import { findMatch } from './matches/index.ts';
import { type Chain, HOOK_NAMES, type Ruleset, type Table, type TableName } from './rule.ts';
import { formatSave, type ParseOptions, parseSave } from './save.ts';
import { findTarget } from './targets/index.ts';

/** How a namespace's tables run. */
export interface NetfilterOptions {
  /** Default indexed. */
  readonly lookup?: Lookup;
  /** Which iptables loads the rules; default nft. */
  readonly backend?: Backend;
  /** Where LOG writes: one line without time stamp. */
  readonly log?: ((line: string) => void) | null;
  /** The namespace's ipsets; absent: it has none yet. */
  readonly sets?: SetRegistry;
}

const PRIORITY: Readonly<Record<Exclude<TableName, 'nat'>, number>> = {
  raw: PRI_RAW,
  mangle: PRI_MANGLE,
  filter: PRI_FILTER,
  security: PRI_SECURITY,
};

/** A table that runs: its state, how it is hooked in, and for which hooks. */
class LoadedTable implements HookEntry {
  readonly priority: number;
  readonly hook: number;
  state: TableState;

  constructor(state: TableState, hook: number, priority: number) {
    this.state = state;
    this.hook = hook;
    this.priority = priority;
  }

  run(pkt: Packet, hook: number, iif: Device, oif: Device): Verdict {
    return this.state.run(pkt, hook, iif, oif);
  }
}

/** mangle OUTPUT: a packet whose mark, addresses or TOS changed is routed again (ipt_mangle_out). */
class MangleOutput extends LoadedTable {
  override run(pkt: Packet, hook: number, iif: Device, oif: Device): Verdict {
    const { mark } = pkt;
    const src = ipv4.src(pkt.view, pkt.l3);
    const dst = ipv4.dst(pkt.view, pkt.l3);
    const tos = ipv4.tos(pkt.view, pkt.l3);
    const verdict = this.state.run(pkt, hook, iif, oif);
    if (verdict !== NF_ACCEPT) return verdict;
    const { view, l3 } = pkt;
    if (mark === pkt.mark && src === ipv4.src(view, l3) && dst === ipv4.dst(view, l3) && tos === ipv4.tos(view, l3))
      return verdict;
    return this.state.ns.ip.routeMeHarder(pkt) ? verdict : NF_DROP;
  }
}

/** The same for IPv6 (ip6t_mangle_out), where hop limit and flow label count. */
class MangleOutput6 extends LoadedTable {
  private readonly before = new Int32Array(HEADER6_WORDS);

  override run(pkt: Packet, hook: number, iif: Device, oif: Device): Verdict {
    const { before } = this;
    const { mark } = pkt;
    for (let i = 0; i < HEADER6_WORDS; i++) before[i] = pkt.view.getInt32(pkt.l3 + 4 * i);
    const verdict = this.state.run(pkt, hook, iif, oif);
    if (verdict !== NF_ACCEPT || (mark === pkt.mark && this.isSame(pkt))) return verdict;
    return this.state.ns.ipv6!.routeMeHarder(pkt) ? verdict : NF_DROP;
  }

  /** Everything but payload length and next header. */
  private isSame({ view, l3 }: Packet): boolean {
    const { before } = this;
    for (let i = 0; i < HEADER6_WORDS; i++) {
      const changed = before[i]! ^ view.getInt32(l3 + 4 * i);
      if ((i === 1 ? changed & 0xff : changed) !== 0) return false;
    }
    return true;
  }
}

const HEADER6_WORDS = 10;

/** The tables of one namespace, IPv4 and IPv6. */
export class Netfilter {
  /** The namespace's ipsets: a rule holds those that it names. */
  readonly sets: SetRegistry;
  private readonly around: Surroundings;
  private readonly backend: Backend;
  private readonly tables: Readonly<Record<Family, Map<TableName, LoadedTable[]>>> = {
    ipv4: new Map(),
    ipv6: new Map(),
  };
  /** Visits of tables that were replaced. */
  private retired = 0;
  private readonly usesConntrack: Record<Family, boolean> = { ipv4: false, ipv6: false };
  private readonly usesDefrag: Record<Family, boolean> = { ipv4: false, ipv6: false };
  /** By family and table: the sets that its rules hold. */
  private readonly held: Map<string, readonly number[]> = new Map();

  constructor(ns: Netns, conntrack: Conntrack, options: NetfilterOptions = {}) {
    this.backend = options.backend ?? 'nft';
    const { random } = ns;
    this.sets = options.sets ?? new SetRegistry({ ticker: ns.clock, seed: () => random.u32() });
    this.around = { ns, conntrack, sets: this.sets, log: options.log ?? null, lookup: options.lookup ?? 'indexed' };
  }

  /** Rules that packets were compared with so far, in all tables. */
  get visits(): number {
    return this.states().reduce((sum, state) => sum + state.visits, this.retired);
  }

  /**
   * Put these tables in the place of those with their names; the others stay.
   * @throws {Refusal} when a rule names an ipset that is not there, and loads nothing
   */
  load(ruleset: Ruleset): void {
    const { family } = ruleset;
    this.holdSets(ruleset);
    const programs = ruleset.tables.map((table) => compile(table, family, this.backend));
    for (const program of programs) this.replace(program);
    this.track(family);
  }

  /**
   * Read a restore file and load what it changes: the whole of a table, or with `noflush` what it says of it.
   * @throws {ParseError} and loads nothing
   */
  restore(
    text: string,
    file: string,
    options: Omit<ParseOptions, 'base'> & { readonly noflush?: boolean } = {},
  ): Ruleset {
    const before = this.ruleset(options.family);
    const base = options.noflush === true ? { base: before } : {};
    const after = parseSave(text, file, { hasSet: (name) => this.sets.has(name), ...options, ...base });
    this.load({ ...after, tables: after.tables.filter((table) => !before.tables.includes(table)) });
    return after;
  }

  /** The rules with what they have counted. */
  ruleset(family: Family = 'ipv4'): Ruleset {
    const tables = [...this.tables[family].values()].map(([first]) => snapshot(first!.state, this.backend));
    return { family, tables, ignored: [] };
  }

  /** What iptables-save prints, without its comment lines. */
  save(options: { readonly counters?: boolean; readonly family?: Family } = {}): string {
    return formatSave(this.ruleset(options.family), { ...options, backend: this.backend });
  }

  /** Rules that come hold their sets before those that go let go of theirs. */
  private holdSets({ tables, family }: Ruleset): void {
    const names = tables.map((table) => setsOf(table, family));
    const missing = names.flat().find((name) => !this.sets.has(name));
    if (missing !== undefined) throw new Refusal(`unknown set ${missing}, expected a set that is there`);
    for (const [i, { name }] of tables.entries()) {
      const key = `${family} ${name}`;
      const before = this.held.get(key) ?? [];
      this.held.set(
        key,
        names[i]!.map((set) => this.sets.take(set)),
      );
      for (const index of before) this.sets.release(index);
    }
  }

  private states(): TableState[] {
    return [...this.tables.ipv4.values(), ...this.tables.ipv6.values()].map(([first]) => first!.state);
  }

  private replace(program: Program): void {
    const tables = this.tables[program.family];
    const { name } = program.table;
    const state = new TableState(program, this.around);
    const loaded = tables.get(name);
    if (loaded !== undefined) {
      const before = loaded[0]!.state;
      this.retired += before.visits;
      // iptables-legacy hands the kernel a whole new table; iptables-nft leaves alone what stays.
      if (this.backend === 'nft') state.inherit(before);
      for (const entry of loaded) entry.state = state;
      return;
    }
    const entries = HOOK_NAMES.map((_, hook) => hook)
      .filter((hook) => program.entry[hook]! >= 0)
      .map((hook) => makeEntry(state, hook));
    tables.set(name, entries);
    for (const entry of entries) this.hookIn(entry, program.family);
  }

  private hookIn(entry: LoadedTable, family: Family): void {
    const { ns, conntrack } = this.around;
    if (entry.state.table === 'nat') conntrack.nat.register(entry.hook, entry, family);
    else (family === 'ipv4' ? ns.hooks4 : ns.hooks6).register(entry.hook, entry);
  }

  /** Conntrack runs while a rule needs it, and so does reassembly alone. */
  private track(family: Family): void {
    const programs = [...this.tables[family].values()].map(([first]) => first!.state.program);
    const defrags = programs.some((program) => program.needsDefrag);
    if (defrags !== this.usesDefrag[family]) {
      this.usesDefrag[family] = defrags;
      if (defrags) this.around.conntrack.useDefrag(family);
      else this.around.conntrack.releaseDefrag(family);
    }
    const needs = programs.some((program) => program.needsConntrack);
    if (needs === this.usesConntrack[family]) return;
    this.usesConntrack[family] = needs;
    if (needs) this.around.conntrack.use(family);
    else this.around.conntrack.release(family);
  }
}

/** Names of the ipsets in a table's rules, each as often as it stands there. */
function setsOf({ chains }: Table, family: Family): string[] {
  return chains.flatMap(({ rules }) =>
    rules.flatMap(({ rule: { matches, target } }) => [
      ...matches.flatMap(({ name, options }) => findMatch(name, family)?.sets?.(options) ?? []),
      ...(target?.kind === 'extension' ? (findTarget(target.name, family)?.sets?.(target.options) ?? []) : []),
    ]),
  );
}

function makeEntry(state: TableState, hook: number): LoadedTable {
  const table = state.table as TableName;
  if (table === 'nat') {
    return new LoadedTable(state, hook, hook === INPUT || hook === POSTROUTING ? PRI_NAT_SRC : PRI_NAT_DST);
  }
  if (table !== 'mangle' || hook !== OUTPUT) return new LoadedTable(state, hook, PRIORITY[table]);
  const make = state.family === 'ipv4' ? MangleOutput : MangleOutput6;
  return new make(state, hook, PRIORITY[table]);
}

function snapshot({ program, counters }: TableState, backend: Backend): Table {
  const counts = ({ policy, declared }: Chain): boolean => policy !== null && (declared || backend === 'legacy');
  const chains = program.chains.map(({ chain, start, end }) => ({
    ...chain,
    packets: counts(chain) ? counters[2 * end]! : 0,
    bytes: counts(chain) ? counters[2 * end + 1]! : 0,
    rules: chain.rules.map(({ rule }, i) => ({
      rule,
      packets: counters[2 * (start + i)]!,
      bytes: counters[2 * (start + i) + 1]!,
    })),
  }));
  return { ...program.table, chains };
}
