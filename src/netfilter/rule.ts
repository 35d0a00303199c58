/**
 * Rules as data: what a text of iptables-save says, plain and readonly. Nothing here meets a packet; compile.ts makes
 * integers of it. The shape is struct ipt_ip with lists of matches and a target (include/uapi/linux/netfilter_ipv4/ip_tables.h). @module
 */
import type { Family } from './extension.ts';
import type { Position } from './parse-error.ts';

export const TABLE_NAMES = ['raw', 'mangle', 'nat', 'filter', 'security'] as const;
/** A table that iptables knows. */
export type TableName = (typeof TABLE_NAMES)[number];

/** Base chains are named as the hooks. */
export const HOOK_NAMES = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;
/** A hook, and the base chain of that name. */
export type HookName = (typeof HOOK_NAMES)[number];

/** The base chains of each table, in the order of their hooks. */
export const BASE_CHAINS: Readonly<Record<TableName, readonly HookName[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: HOOK_NAMES,
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

export const isTableName = (name: string): name is TableName => (TABLE_NAMES as readonly string[]).includes(name);

/** `-s`, `-d`: int32 words, one for IPv4, four for IPv6; bits outside the mask are 0. */
export interface AddressTest {
  readonly words: readonly number[];
  readonly mask: readonly number[];
  readonly invert: boolean;
}

/** `-i`, `-o`: a device name, or a prefix of names when it ends in `+`. */
export interface DeviceTest {
  readonly pattern: string;
  readonly invert: boolean;
}

/** One use of a match or a target: its name in the registry and what its parse made of the options. */
export interface Use {
  readonly name: string;
  readonly options: unknown;
}

/** A verdict that is no extension. */
export type StandardVerdict = 'ACCEPT' | 'DROP' | 'QUEUE' | 'RETURN';

/** What `-j` or `-g` says. */
export type RuleTarget =
  | { readonly kind: 'verdict'; readonly verdict: StandardVerdict }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | ({ readonly kind: 'extension' } & Use);

/** One rule, without its counters. */
export interface Rule {
  readonly src: AddressTest | null;
  readonly dst: AddressTest | null;
  readonly iif: DeviceTest | null;
  readonly oif: DeviceTest | null;
  /** 0 is all. */
  readonly protocol: number;
  readonly invertProtocol: boolean;
  /** `-f` true, `! -f` false. */
  readonly fragment: boolean | null;
  readonly matches: readonly Use[];
  /** null: the rule only counts. */
  readonly target: RuleTarget | null;
  /** Where the target's name stood, or the rule when it has none. */
  readonly at: Position;
}

/** A rule in its place, with what it has counted so far. */
export interface RuleEntry {
  readonly rule: Rule;
  readonly packets: number;
  readonly bytes: number;
}

/** A chain with its rules and counters. */
export interface Chain {
  readonly name: string;
  /** Base chains have a policy; user chains null. */
  readonly policy: 'ACCEPT' | 'DROP' | null;
  /** A line `:CHAIN ...` named it: without one, iptables-nft makes a base chain whose policy does not count. */
  readonly declared: boolean;
  readonly packets: number;
  readonly bytes: number;
  readonly rules: readonly RuleEntry[];
}

/** A table with its chains. */
export interface Table {
  readonly name: TableName;
  /** A line named a chain of it: without one, iptables-nft makes no table. */
  readonly made: boolean;
  /** Base chains in the order of their hooks, then user chains by name. */
  readonly chains: readonly Chain[];
}

/** A rule that `ignoreUnknown` left out. */
export interface IgnoredRule {
  /** `match recent`, `target ULOG`. */
  readonly what: string;
  /** The line as written. */
  readonly text: string;
  readonly at: Position;
}

/** The tables of a family: what one text says. */
export interface Ruleset {
  readonly family: Family;
  /** In the order in which they were first loaded. */
  readonly tables: readonly Table[];
  readonly ignored: readonly IgnoredRule[];
}
