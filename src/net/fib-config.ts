/** What `ip route add` and `ip rule add` say, as plain data, and what both families share of it. @module */
import type { Device } from './device.ts';

/** RTN_*. */
export type RouteType = number;
/** 1..2^32-1; 255 local, 254 main, 253 default. */
export type TableId = number;

/** A way out of a route; `A` is an address of the family. */
export interface NextHopConfig<A = number> {
  /** Absent or 0: the destination is on the link. */
  readonly gateway?: A;
  /** Absent: the device that reaches the gateway. */
  readonly dev?: Device;
  /** 1..256, default 1. */
  readonly weight?: number;
  /** Do not ask whether the gateway is on the device's link. */
  readonly onlink?: boolean;
}

/** What a route of either family says; `A` is an address of the family. */
export interface CommonRoute<A> {
  /** Host bits must be zero. */
  readonly prefix: A;
  /** 0..32, or 0..128. */
  readonly length: number;
  /** RTN_*, default RTN_UNICAST. */
  readonly type?: RouteType;
  /** Default main, or local for types that live there. */
  readonly table?: TableId;
  /** The smaller wins. */
  readonly metric?: number;
  /** Preferred source address. */
  readonly source?: A;
  /** Bytes. */
  readonly mtu?: number;
  /** None for blackhole, unreachable, prohibit, throw; several for multipath. */
  readonly nextHops: readonly NextHopConfig<A>[];
}

/** A route of IPv4; addresses are int32. */
export interface RouteConfig extends CommonRoute<number> {
  readonly tos?: number;
  /** RT_SCOPE_*; default as the ip command derives it from type and gateway. */
  readonly scope?: number;
  readonly mtuLocked?: boolean;
}

/** What a packet that a rule fits gets: a look into its table, or an end. */
export type RuleAction = 'table' | 'blackhole' | 'unreachable' | 'prohibit';

/** What a rule of either family says: struct fib_rule. */
export interface CommonRule {
  /** 0..2^32-1: the smaller is asked first. */
  readonly preference: number;
  /** int32, compared under `markMask` (default all ones). */
  readonly mark?: number;
  readonly markMask?: number;
  /** Device names: they need not exist yet. `lo` as iif is what this host sends. */
  readonly iif?: string;
  readonly oif?: string;
  readonly protocol?: number;
  readonly srcPorts?: readonly [number, number];
  readonly dstPorts?: readonly [number, number];
  /** The rule applies where it does not match. */
  readonly invert?: boolean;
  /** Default table. */
  readonly action?: RuleAction;
  /** Default main. */
  readonly table?: TableId;
  /** Results with this prefix length or a shorter one do not count. */
  readonly suppressPrefixLength?: number;
}

/** A rule of IPv4. */
export interface RuleConfig extends CommonRule {
  /** Source and destination prefixes: int32 and length; absent: all. */
  readonly from?: { readonly prefix: number; readonly length: number };
  readonly to?: { readonly prefix: number; readonly length: number };
  readonly tos?: number;
}
