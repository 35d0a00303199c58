/** What every set is: struct ip_set and the functions of its type's variant. @module */
import type { Packet } from '../packet/packet.ts';
import type { Entry } from './entry.ts';
import type { ExtensionConfig } from './extensions.ts';
import type { Request } from './request.ts';
import type { Values } from './values.ts';

/** unspec sets take packets of both. */
export type SetFamily = 'inet' | 'inet6' | 'unspec';

export const TEST = 0;
export const ADD = 1;
export const DELETE = 2;
/** What is asked of a set. */
export type Action = typeof TEST | typeof ADD | typeof DELETE;

/** What a `create` line says: options that a type does not have are absent. */
export interface SetConfig extends ExtensionConfig {
  readonly type: string;
  readonly family: SetFamily;
  readonly hashsize: number;
  readonly maxelem: number;
  readonly bucketsize: number;
  /** Null: draw one. */
  readonly initval: number | null;
  readonly forceadd: boolean;
  /** Prefix length, null for a host's. */
  readonly netmask: number | null;
  readonly bitmask: readonly number[] | null;
  /** Uint32. */
  readonly markmask: number;
  /** First and last address or port of a bitmap, uint32. */
  readonly range: readonly [number, number];
  /** Of a list. */
  readonly size: number;
}

/** One set, whatever its type. */
export interface IpSet {
  readonly config: SetConfig;
  readonly family: SetFamily;
  /** Directions that a rule must give. */
  readonly dimension: number;
  /** Elements may say nomatch. */
  readonly hasNomatch: boolean;
  /** Words of `create` behind the type, as `ipset save` prints them. */
  header(): string;
  /** Elements with their extensions, as `ipset save` prints them. */
  members(): string[];
  /**
   * Do something with the element that a packet is. @returns FOUND, NOT_FOUND or a negative code. Runs per packet: no
   * allocation.
   */
  packet(action: Action, pkt: Packet, request: Request): number;
  /** Do something with the elements of a line. @returns OK or FOUND, NOT_FOUND, or a negative code */
  entry(action: Action, entry: Entry, values: Values, exist: boolean): number;
  flush(): void;
  /** The same set once more, to go back to. */
  clone(): IpSet;
}

/** Do two `create` lines make the same set? What grows with use does not count. */
export const sameConfig = (a: SetConfig, b: SetConfig): boolean =>
  a.type === b.type &&
  a.family === b.family &&
  a.maxelem === b.maxelem &&
  a.timeout === b.timeout &&
  a.netmask === b.netmask &&
  a.markmask === b.markmask &&
  a.counters === b.counters &&
  a.comment === b.comment &&
  a.skbinfo === b.skbinfo &&
  a.size === b.size &&
  String(a.range) === String(b.range) &&
  String(a.bitmask) === String(b.bitmask);
