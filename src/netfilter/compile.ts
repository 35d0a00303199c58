/**
 * Rules as integers. Two Int32Arrays hold every rule of a table, a key and a row each, chain after chain as struct ipt_entry
 * lie in a table's blob: a base chain ends with a row for its policy, a user chain with one that returns. What a rule asks beyond its
 * row stands in `args`. A program has no state: namespaces that load the same table share it. @module
 */
import { boundPorts } from './bound-ports.ts';
import type { Compiling, Evaluation, Family, Match, Target } from './extension.ts';
import type { Backend } from './format.ts';
import { conntrack } from './matches/conntrack.ts';
import { findMatch } from './matches/index.ts';
import { mark } from './matches/mark.ts';
import { tcp } from './matches/tcp.ts';
import { udp } from './matches/udp.ts';
import type { AddressTest, Chain, Rule, Table, Use } from './rule.ts';
import { HOOK_NAMES } from './rule.ts';
import { findTarget } from './targets/index.ts';

/** Integers of a key and of a row: the two of a rule stand at the same place. Two of a key are spare. */
export const STRIDE = 8;

/**
 * Columns of a key: what most packets fail at, apart so that a walk touches little memory. Addresses are IPv4's, and only of
 * tests that are not inverted; the others, and those of IPv6, stand in `args`. PORTS is the protocol << 16 and the destination
 * port, as far as the rule is bound to one (bound-ports.ts).
 */
export const DST = 0;
export const DST_MASK = 1;
export const SRC = 2;
export const SRC_MASK = 3;
export const PORTS = 4;
export const PORTS_MASK = 5;

/** Columns of a row. 0 is all protocols. */
export const PROTOCOL = 0;
export const FLAGS = 1;
/** Number of a device pattern, -1 for none. */
export const IIF = 2;
export const OIF = 3;
/** Where the rule's matches begin in `args`, -1 when it has none. */
export const MATCHES = 4;
/** What is done with a packet that matches, and with what: see TARGET_*. */
export const TARGET = 5;
export const OPERAND = 6;
/** Where the integers of an extension target begin in `args`. */
export const TARGET_ARGS = 7;

/** Bits of FLAGS. */
export const INVERT_PROTOCOL = 1;
export const FRAGMENT = 2;
export const NOT_FRAGMENT = 4;
export const INVERT_IIF = 8;
export const INVERT_OIF = 16;

export const TARGET_NONE = 0;
export const TARGET_ACCEPT = 1;
export const TARGET_DROP = 2;
export const TARGET_RETURN = 3;
/** OPERAND is the first row of a chain. */
export const TARGET_JUMP = 4;
export const TARGET_GOTO = 5;
/** OPERAND is an index of `targets`. */
export const TARGET_EXTENSION = 6;
/** The end of a base chain: OPERAND is NF_ACCEPT or NF_DROP. */
export const TARGET_POLICY = 7;
/** The end of a user chain. */
export const TARGET_END = 8;

/** In `args`: what a list of matches holds beside indices of `matches`. Each is followed by its count of integers. */
export const MATCH_END = -1;
export const MATCH_SRC6 = -2;
export const MATCH_DST6 = -3;
/** The matches that most rules have are known by number, so that evaluate.ts calls them directly. */
export const MATCH_TCP = -4;
export const MATCH_UDP = -5;
export const MATCH_MARK = -6;
export const MATCH_CONNTRACK = -7;
/** An inverted address of IPv4, and its mask. */
export const MATCH_NOT_SRC = -8;
export const MATCH_NOT_DST = -9;

const KNOWN: ReadonlyMap<Match, number> = new Map<Match, number>([
  [tcp, MATCH_TCP],
  [udp, MATCH_UDP],
  [mark, MATCH_MARK],
  [conntrack, MATCH_CONNTRACK],
]);

/** A chain as rows of the program. */
export interface CompiledChain {
  readonly chain: Chain;
  /** First row, and the row after the last rule: policy or return. */
  readonly start: number;
  readonly end: number;
}

/** A table in integers; namespaces that load equal rules may share it. */
export interface Program {
  readonly table: Table;
  readonly family: Family;
  readonly backend: Backend;
  readonly keys: Int32Array;
  readonly rows: Int32Array;
  readonly args: Int32Array;
  readonly matches: readonly Match[];
  readonly targets: readonly Target[];
  readonly chains: readonly CompiledChain[];
  /** By hook: the base chain, -1 when the table has none there. First row, and row of the policy. */
  readonly entry: Int32Array;
  readonly policy: Int32Array;
  /** Names of devices, and prefixes of them that end in `+`. */
  readonly devicePatterns: readonly string[];
  /** First values of the state of a namespace that loads it. */
  readonly cells: Float64Array;
  readonly objects: readonly ((scope: Evaluation) => object)[];
  /**
   * The order in which they are made: two rules may share what the first one makes. iptables-nft hands the kernel rule by
   * rule as the text has them, iptables-legacy chain by chain.
   */
  readonly objectOrder: readonly number[];
  /** By row, and one more: where the cells and the objects of its rule begin. */
  readonly cellsAt: Int32Array;
  readonly objectsAt: Int32Array;
  readonly needsConntrack: boolean;
  readonly needsDefrag: boolean;
  /** Chains that can be under way at once: the longest way of jumps. */
  readonly depth: number;
}

/** Number `item` in `list`, adding it. */
function intern<T>(list: T[], item: T): number {
  const i = list.indexOf(item);
  return i >= 0 ? i : list.push(item) - 1;
}

const END_OF_RULE: Rule = {
  src: null,
  dst: null,
  iif: null,
  oif: null,
  protocol: 0,
  invertProtocol: false,
  fragment: null,
  matches: [],
  target: null,
  at: { file: '', line: 0, column: 0 },
};

const VERDICTS = { ACCEPT: TARGET_ACCEPT, DROP: TARGET_DROP, RETURN: TARGET_RETURN, QUEUE: TARGET_DROP } as const;

/** Chains on the longest way from chain to chain. */
function longestWay({ chains }: Table): number {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const known = new Map<string, number>();
  const measure = (name: string): number => {
    const before = known.get(name);
    if (before !== undefined) return before;
    let longest = 0;
    for (const { rule } of byName.get(name)!.rules) {
      if (rule.target !== null && 'chain' in rule.target) longest = Math.max(longest, measure(rule.target.chain));
    }
    known.set(name, longest + 1);
    return longest + 1;
  };
  return Math.max(...chains.filter(({ policy }) => policy !== null).map(({ name }) => measure(name)));
}

class Compiler {
  private readonly table: Table;
  private readonly family: Family;
  private readonly backend: Backend;
  private readonly keys: Int32Array;
  private readonly rows: Int32Array;
  private readonly args: number[] = [];
  private readonly matches: Match[] = [];
  private readonly targets: Target[] = [];
  private readonly patterns: string[] = [];
  private readonly cells: number[] = [];
  private readonly objects: ((scope: Evaluation) => object)[] = [];
  private readonly cellsAt: number[] = [];
  private readonly objectsAt: number[] = [];
  /** Line of the rule of each object; line of the rule under way. */
  private readonly objectLines: number[] = [];
  private line = 0;
  private readonly chains: CompiledChain[] = [];
  private readonly starts = new Map<string, number>();
  private needsConntrack = false;
  private needsDefrag = false;

  constructor(table: Table, family: Family, backend: Backend) {
    this.table = table;
    this.family = family;
    this.backend = backend;
    let row = 0;
    for (const chain of table.chains) {
      const end = row + chain.rules.length;
      this.chains.push({ chain, start: row, end });
      this.starts.set(chain.name, row);
      row = end + 1;
    }
    this.keys = new Int32Array(row * STRIDE);
    this.rows = new Int32Array(row * STRIDE);
  }

  compile(): Program {
    for (const { chain, start, end } of this.chains) {
      const to = this.compiling(chain.name);
      chain.rules.forEach(({ rule }, i) => {
        this.rule(rule, start + i, to);
      });
      this.endOfChain(chain, end, to);
    }
    return {
      table: this.table,
      family: this.family,
      backend: this.backend,
      keys: this.keys,
      rows: this.rows,
      args: Int32Array.from(this.args),
      matches: this.matches,
      targets: this.targets,
      chains: this.chains,
      entry: this.perHook((chain) => chain.start),
      policy: this.perHook((chain) => chain.end),
      devicePatterns: this.patterns,
      cells: Float64Array.from(this.cells),
      objects: this.objects,
      objectOrder: this.objectOrder(),
      cellsAt: Int32Array.from([...this.cellsAt, this.cells.length]),
      objectsAt: Int32Array.from([...this.objectsAt, this.objects.length]),
      needsConntrack: this.needsConntrack,
      needsDefrag: this.needsDefrag,
      depth: longestWay(this.table),
    };
  }

  private objectOrder(): number[] {
    const order = this.objects.map((_, i) => i);
    return this.backend === 'nft' ? order.sort((a, b) => this.objectLines[a]! - this.objectLines[b]!) : order;
  }

  private perHook(place: (chain: CompiledChain) => number): Int32Array {
    return Int32Array.from(HOOK_NAMES, (hook) => {
      const chain = this.chains.find((entry) => entry.chain.name === hook);
      return chain === undefined ? -1 : place(chain);
    });
  }

  private compiling(chain: string): Compiling {
    const { family, backend, table, cells, objects, objectLines } = this;
    return {
      family,
      backend,
      table: table.name,
      chain,
      cells: (...initial) => cells.push(...initial) - initial.length,
      object: (create) => {
        objectLines.push(this.line);
        return objects.push(create) - 1;
      },
      devicePattern: (pattern) => intern(this.patterns, pattern),
    };
  }

  private endOfChain(chain: Chain, row: number, to: Compiling): void {
    this.rule(END_OF_RULE, row, to);
    const at = row * STRIDE;
    this.rows[at + TARGET] = chain.policy === null ? TARGET_END : TARGET_POLICY;
    this.rows[at + OPERAND] = chain.policy === 'DROP' ? 0 : 1;
  }

  private rule(rule: Rule, row: number, to: Compiling): void {
    const { rows } = this;
    const at = row * STRIDE;
    this.cellsAt.push(this.cells.length);
    this.objectsAt.push(this.objects.length);
    this.line = rule.at.line;
    this.key(rule, at);
    let flags = 0;
    rows[at + PROTOCOL] = rule.protocol;
    if (rule.invertProtocol) flags |= INVERT_PROTOCOL;
    if (rule.fragment !== null) flags |= rule.fragment ? FRAGMENT : NOT_FRAGMENT;
    rows[at + IIF] = this.device(rule.iif);
    rows[at + OIF] = this.device(rule.oif);
    if (rule.iif?.invert === true) flags |= INVERT_IIF;
    if (rule.oif?.invert === true) flags |= INVERT_OIF;
    rows[at + FLAGS] = flags;
    rows[at + MATCHES] = this.matchList(rule, to);
    this.target(rule, at, to);
  }

  private key(rule: Rule, at: number): void {
    const { keys } = this;
    if (this.family === 'ipv4') {
      this.address(rule.dst, at + DST);
      this.address(rule.src, at + SRC);
    }
    if (rule.protocol === 0 || rule.invertProtocol) return;
    const ports = boundPorts(rule);
    const bound = ports !== null && ports.length === 1;
    keys[at + PORTS] = (rule.protocol << 16) | (bound ? ports[0]! : 0);
    keys[at + PORTS_MASK] = bound ? 0xffffff : 0xff0000;
  }

  private address(test: AddressTest | null, at: number): void {
    if (test === null || test.invert) return;
    this.keys[at] = test.words[0]!;
    this.keys[at + 1] = test.mask[0]!;
  }

  private device(test: Rule['iif']): number {
    return test === null || test.pattern === '' ? -1 : intern(this.patterns, test.pattern);
  }

  private matchList(rule: Rule, to: Compiling): number {
    const start = this.args.length;
    if (this.family === 'ipv6') {
      this.address6(MATCH_SRC6, rule.src);
      this.address6(MATCH_DST6, rule.dst);
    } else {
      this.invertedAddress(MATCH_NOT_DST, rule.dst);
      this.invertedAddress(MATCH_NOT_SRC, rule.src);
    }
    for (const use of rule.matches) this.match(use, to);
    if (this.args.length === start) return -1;
    this.args.push(MATCH_END);
    return start;
  }

  private invertedAddress(code: number, test: AddressTest | null): void {
    if (test?.invert === true) this.args.push(code, 2, test.words[0]!, test.mask[0]!);
  }

  private address6(code: number, test: AddressTest | null): void {
    if (test !== null) this.args.push(code, 9, ...test.words, ...test.mask, Number(test.invert));
  }

  private match({ name, options }: Use, to: Compiling): void {
    const match = findMatch(name, this.family);
    if (match === undefined) throw new Error(`no match ${name} in the registry`);
    if (match.needsConntrack === true) this.needsConntrack = true;
    if (match.needsDefrag === true) this.needsDefrag = true;
    const integers = match.compile(options, to);
    if (integers === null) return;
    this.args.push(KNOWN.get(match) ?? intern(this.matches, match), integers.length, ...integers);
  }

  private target({ target }: Rule, at: number, to: Compiling): void {
    const { rows } = this;
    if (target === null) return;
    switch (target.kind) {
      case 'verdict':
        rows[at + TARGET] = VERDICTS[target.verdict];
        break;
      case 'jump':
      case 'goto':
        rows[at + TARGET] = target.kind === 'jump' ? TARGET_JUMP : TARGET_GOTO;
        rows[at + OPERAND] = this.starts.get(target.chain)!;
        break;
      case 'extension': {
        const extension = findTarget(target.name, this.family);
        if (extension === undefined) throw new Error(`no target ${target.name} in the registry`);
        if (extension.needsConntrack === true || extension.tracks?.(target.options) === true)
          this.needsConntrack = true;
        if (extension.needsDefrag === true) this.needsDefrag = true;
        rows[at + TARGET] = TARGET_EXTENSION;
        rows[at + OPERAND] = intern(this.targets, extension);
        const integers = extension.compile(target.options, to);
        rows[at + TARGET_ARGS] = this.args.length;
        this.args.push(...integers);
      }
    }
  }
}

const compiled: Readonly<Record<string, WeakMap<Table, Program>>> = {
  'ipv4 nft': new WeakMap(),
  'ipv4 legacy': new WeakMap(),
  'ipv6 nft': new WeakMap(),
  'ipv6 legacy': new WeakMap(),
};

/** The program of a table; the same object for the same table. */
export function compile(table: Table, family: Family, backend: Backend): Program {
  const programs = compiled[`${family} ${backend}`]!;
  const known = programs.get(table);
  if (known !== undefined) return known;
  const program = new Compiler(table, family, backend).compile();
  programs.set(table, program);
  return program;
}
