/**
 * What a match (`-m`) or a target (`-j`) is: its words in the language of iptables-save, and what it does to a packet.
 * struct xtables_match and xt_match in one (include/xtables.h, include/linux/netfilter/x_tables.h). One file per extension in
 * matches/ and targets/; `matches/index.ts` and `targets/index.ts` are the registries. @module
 */
import type { Conntrack } from '../conntrack/conntrack.ts';
import type { SetRegistry } from '../ipset/registry.ts';
import type { Device } from '../net/device.ts';
import type { Netns } from '../net/netns.ts';
import type { Packet } from '../packet/packet.ts';

/** The family of a table: iptables or ip6tables. */
export type Family = 'ipv4' | 'ipv6';

/** One long option of an extension (struct xt_option_entry). Unique prefixes are accepted, as getopt_long does. */
export interface OptionSpec {
  /** Without the two dashes. */
  readonly name: string;
  /** Other spellings (`destination-port` for `dport`). */
  readonly aliases?: readonly string[];
  /** Words that follow: 0 for a flag, 1 when absent here. */
  readonly words?: 0 | 1 | 2;
  /** `!` may stand before it, or before its first word. */
  readonly invert?: boolean;
  /** It must be given. */
  readonly required?: boolean;
  /** It may be given more than once. */
  readonly multiple?: boolean;
}

/** One use of an option, its first word as written. */
export interface GivenOption {
  readonly name: string;
  readonly inverted: boolean;
  readonly text: string;
}

/** The options that one use of an extension was given, read by type. Every reader throws a ParseError at the word itself. */
export interface Given {
  readonly family: Family;
  /** The rule's `-p`, 0 when it has none or it is inverted. */
  readonly protocol: number;
  /** The table and the chain that the rule is in. */
  readonly table: string;
  readonly chain: string;
  has(option: string): boolean;
  inverted(option: string): boolean;
  /** The option's first (or `index`-th) word as written, quotes removed; '' when it was not given. */
  text(option: string, index?: number): string;
  /** All uses of an option that may be given more than once: their first words. */
  texts(option: string): readonly string[];
  /** Every option in the order of the line, for an extension whose options come in groups (policy). */
  inOrder(): readonly GivenOption[];
  /** Unsigned number: decimal, 0x hex or 0 octal, as strtoul with base 0. */
  uint(option: string, max?: number, min?: number): number;
  /** `value` or `value/mask` of 32 bits; the mask defaults to all ones. As uint32. */
  markMask(option: string): { readonly value: number; readonly mask: number };
  /** A port number or service name, host order. */
  port(option: string): number;
  /** `p`, `p:q`, `:q`, `p:` as [first, last]. */
  portRange(option: string): readonly [number, number];
  /** Fail at an option's word (or at the extension's own name): found, expected. */
  fail(message: string, option?: string): never;
}

/** What is reserved while a rule is compiled, and lives once per namespace that loads it. */
export interface Compiling {
  readonly family: Family;
  /** `nft` or `legacy`: which iptables loads the table; a few matches become other tests. */
  readonly backend: 'nft' | 'legacy';
  readonly table: string;
  readonly chain: string;
  /** `n` numbers of mutable state, given their first values; @returns the first one's place in `Evaluation.cells`. */
  cells(...initial: number[]): number;
  /** An object made once per namespace; @returns its place in `Evaluation.objects`. */
  object(create: (scope: Evaluation) => object): number;
  /** A number for a device name or pattern (`eth+`), for `Evaluation.deviceMatches`. */
  devicePattern(pattern: string): number;
}

/** What a test or a target may ask while a packet is in a chain. One per table and namespace; its fields change per packet. */
export interface Evaluation {
  readonly ns: Netns;
  readonly conntrack: Conntrack;
  /** The namespace's ipsets. */
  readonly sets: SetRegistry;
  readonly family: Family;
  readonly table: string;
  /** `nft` or `legacy`: which iptables loaded the table; a few answers differ. */
  readonly backend: 'nft' | 'legacy';
  readonly cells: Float64Array;
  readonly objects: readonly object[];
  /** The hook (hook.ts) and its devices, NO_DEVICE where it has none. */
  readonly hook: number;
  readonly iif: Device;
  readonly oif: Device;
  /** Transport protocol, and the offset of this fragment's bytes in the datagram (bytes; > 0 means no transport header here). */
  readonly protocol: number;
  readonly fragmentOffset: number;
  /** Set by a match that finds the packet broken: it is dropped at once (par->hotdrop). */
  hotdrop: boolean;
  /** Does the device match the pattern of `Compiling.devicePattern`? */
  deviceMatches(pattern: number, device: Device): boolean;
  /** Where LOG, TRACE and their like write, one line without time stamp; null when nobody listens. */
  readonly log: ((line: string) => void) | null;
}

/** Verdicts of a target beside NF_DROP, NF_ACCEPT, NF_STOLEN. */
export const XT_CONTINUE = -1;
export const XT_RETURN = -2;

interface Extension<O> {
  readonly name: string;
  /** Other names under `-m` or `-j`. */
  readonly aliases?: readonly string[];
  /** Absent: both. */
  readonly families?: readonly Family[];
  /** Tables, hooks (names of base chains) and protocols (numbers) that it is allowed in; absent: all. */
  readonly tables?: readonly string[];
  readonly hooks?: readonly string[];
  readonly protocols?: readonly number[];
  /** Conntrack must run in the namespace (nf_ct_netns_get). */
  readonly needsConntrack?: boolean;
  /** The same, where it depends on the options. */
  tracks?(options: O): boolean;
  /** IPv4 fragments must be reassembled before it sees them (nf_defrag_ipv4_enable). */
  readonly needsDefrag?: boolean;
  readonly options: readonly OptionSpec[];
  /** Given options to plain readonly data. @throws {ParseError} */
  parse(given: Given): O;
  /** Names of the ipsets that it asks or changes. */
  sets?(options: O): readonly string[];
  /** As iptables-save prints it after `-m NAME` or `-j NAME`: '' or words without a leading space. Inverse of parse. */
  format(options: O, family: Family): string;
}

/** A match; `O` is what its options become. */
export interface Match<O = unknown> extends Extension<O> {
  /** It changes state or tests what it changed: it must run exactly when the kernel runs it (limit, statistic, recent ...). */
  readonly stateful?: boolean;
  /** Plain data to integers, or null when it matches every packet (comment). */
  compile(options: O, to: Compiling): readonly number[] | null;
  /** Does the packet match? `args[at..]` are the integers of compile. Runs per packet: no allocation. */
  test(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean;
}

/** A target; `O` is what its options become. */
export interface Target<O = unknown> extends Extension<O> {
  compile(options: O, to: Compiling): readonly number[];
  /** Act on the packet; NF_DROP, NF_ACCEPT, NF_STOLEN, XT_CONTINUE or XT_RETURN. Runs per packet: no allocation. */
  run(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): number;
}
