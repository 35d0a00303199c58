/** What `ip route add` and `ip rule add` say, as plain data. @module */
import type { Device } from './device.ts';

/** RTN_*. */
export type RouteType = number;
/** 1..2^32-1; 255 local, 254 main, 253 default. */
export type TableId = number;

export interface NextHopConfig {
  /** int32; absent or 0: the destination is on the link. */
  readonly gateway?: number;
  /** Absent: the device that reaches the gateway. */
  readonly dev?: Device;
  /** 1..256, default 1. */
  readonly weight?: number;
  /** Do not ask whether the gateway is on the device's link. */
  readonly onlink?: boolean;
}

export interface RouteConfig {
  /** int32; its host bits must be zero. */
  readonly prefix: number;
  /** 0..32. */
  readonly length: number;
  /** RTN_*, default RTN_UNICAST. */
  readonly type?: RouteType;
  /** Default main, or local for types that live there. */
  readonly table?: TableId;
  readonly metric?: number;
  readonly tos?: number;
  /** RT_SCOPE_*; default as the ip command derives it from type and gateway. */
  readonly scope?: number;
  /** Preferred source address, int32. */
  readonly source?: number;
  /** Bytes. */
  readonly mtu?: number;
  readonly mtuLocked?: boolean;
  /** None for blackhole, unreachable, prohibit, throw; several for multipath. */
  readonly nextHops: readonly NextHopConfig[];
}

export type RuleAction = 'table' | 'blackhole' | 'unreachable' | 'prohibit';

export interface RuleConfig {
  /** 0..2^32-1: the smaller is asked first. */
  readonly preference: number;
  /** Source and destination prefixes: int32 and length; absent: all. */
  readonly from?: { readonly prefix: number; readonly length: number };
  readonly to?: { readonly prefix: number; readonly length: number };
  /** int32, compared under `markMask` (default all ones). */
  readonly mark?: number;
  readonly markMask?: number;
  /** Device names: they need not exist yet. `lo` as iif is what this host sends. */
  readonly iif?: string;
  readonly oif?: string;
  readonly tos?: number;
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
