/**
 * What a flow may be mapped to: struct nf_nat_range2, include/uapi/linux/netfilter/nf_nat.h, and the choice of an address
 * from it (find_best_ips_proto, net/netfilter/nf_nat_core.c). @module
 */

import * as ip from '../packet/ipv4.ts';
import { jhash2 } from '../packet/jhash.ts';
import { swab32 } from '../packet/swab.ts';
import { MANIP_SRC } from './status.ts';
import { IPV4, type Tuple } from './tuple.ts';

/** Bits of `flags`: NF_NAT_RANGE_*. */
export const RANGE_MAP_IPS = 1;
export const RANGE_PROTO_SPECIFIED = 2;
export const RANGE_PROTO_RANDOM = 4;
export const RANGE_PERSISTENT = 8;
export const RANGE_PROTO_RANDOM_FULLY = 16;
export const RANGE_PROTO_RANDOM_ALL: number = RANGE_PROTO_RANDOM | RANGE_PROTO_RANDOM_FULLY;
export const RANGE_PROTO_OFFSET = 32;
export const RANGE_NETMAP = 64;

/** Addresses as in {@link Tuple}: the last word, and for IPv6 the three words before it. Filled again for each use. */
export class NatRange {
  flags = 0;
  min = 0;
  max = 0;
  readonly minHigh: Int32Array = new Int32Array(3);
  readonly maxHigh: Int32Array = new Int32Array(3);
  minProto = 0;
  maxProto = 0;
  baseProto = 0;

  /** No restriction. */
  clear(): void {
    this.flags = 0;
    this.min = this.max = 0;
    this.minHigh.fill(0);
    this.maxHigh.fill(0);
    this.minProto = this.maxProto = this.baseProto = 0;
  }

  private get isOneAddress(): boolean {
    const { minHigh, maxHigh } = this;
    if (this.min !== this.max) return false;
    return minHigh[0] === maxHigh[0] && minHigh[1] === maxHigh[1] && minHigh[2] === maxHigh[2];
  }

  /** Is the source that a tuple has within the range? nf_in_range. */
  containsSource(tuple: Tuple): boolean {
    if ((this.flags & RANGE_MAP_IPS) !== 0 && !this.containsAddress(tuple)) return false;
    return (this.flags & RANGE_PROTO_SPECIFIED) === 0 || this.containsProto(tuple, MANIP_SRC);
  }

  private containsAddress(tuple: Tuple): boolean {
    if (tuple.family === IPV4) {
      return tuple.src >>> 0 >= this.min >>> 0 && tuple.src >>> 0 <= this.max >>> 0;
    }
    const above = compare(tuple.srcHigh, tuple.src, this.minHigh, this.min) >= 0;
    return above && compare(tuple.srcHigh, tuple.src, this.maxHigh, this.max) <= 0;
  }

  /** Is the port, or the echo id, that a manipulation changes within the range? l4proto_in_range. */
  containsProto(tuple: Tuple, manip: number): boolean {
    const value = protoValue(tuple, manip);
    return value < 0 || (value >= this.minProto && value <= this.maxProto);
  }

  /**
   * Give the tuple an address of the range: always the same for a source and a destination (for a source, when the range is
   * persistent), and evenly spread. find_best_ips_proto.
   */
  chooseAddress(tuple: Tuple, manip: number, zone: number): void {
    if ((this.flags & RANGE_MAP_IPS) === 0) return;
    if (this.isOneAddress) this.setWords(tuple, manip, this.min, this.minHigh);
    else this.spread(tuple, manip, zone);
  }

  private setWords(tuple: Tuple, manip: number, low: number, high: Int32Array): void {
    if (manip === MANIP_SRC) tuple.src = low;
    else tuple.dst = low;
    if (tuple.family !== IPV4) (manip === MANIP_SRC ? tuple.srcHigh : tuple.dstHigh).set(high);
  }

  private spread(tuple: Tuple, manip: number, zone: number): void {
    const persistent = (this.flags & RANGE_PERSISTENT) !== 0;
    const words = tuple.family === IPV4 ? 1 : 4;
    const seed = persistent ? 0 : swab32(tuple.dst) ^ zone;
    for (let i = 0; i < 4; i++) KEY[i] = i < words ? word(tuple.srcHigh, tuple.src, i, words) : 0;
    let hash = jhash2(KEY, 4, seed) >>> 0;
    let full = false;
    for (let i = 0; i < words; i++) {
      const min = full ? 0 : word(this.minHigh, this.min, i, words) >>> 0;
      const max = word(this.maxHigh, this.max, i, words) >>> 0;
      const size = full ? 0xffffffff : (max - min + 1) >>> 0;
      const chosen = (min + scale(hash, size)) | 0;
      setWord(tuple, manip, i, words, chosen);
      if (chosen !== (max | 0)) full = true;
      if (!persistent) hash = (hash ^ swab32(word(tuple.dstHigh, tuple.dst, i, words))) >>> 0;
    }
  }
}

/** What a manipulation of the transport changes: a port or an id; -1 for a protocol without. */
function protoValue(tuple: Tuple, manip: number): number {
  switch (tuple.protocol) {
    case ip.ICMP:
    case ip.ICMPV6:
      return tuple.srcPort;
    case ip.GRE:
    case ip.TCP:
    case ip.UDP:
    case ip.UDPLITE:
    case ip.SCTP:
      return manip === MANIP_SRC ? tuple.srcPort : tuple.dstPort;
    default:
      return -1;
  }
}

const KEY = new Int32Array(4);

/** Word `i` of an address of `words` words, first word first. */
const word = (high: Int32Array, low: number, i: number, words: number): number => (i === words - 1 ? low : high[i]!);

function setWord(tuple: Tuple, manip: number, i: number, words: number, value: number): void {
  if (i < words - 1) (manip === MANIP_SRC ? tuple.srcHigh : tuple.dstHigh)[i] = value;
  else if (manip === MANIP_SRC) tuple.src = value;
  else tuple.dst = value;
}

function compare(aHigh: Int32Array, a: number, bHigh: Int32Array, b: number): number {
  for (let i = 0; i < 4; i++) {
    const difference = (word(aHigh, a, i, 4) >>> 0) - (word(bHigh, b, i, 4) >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The upper half of a 32 by 32 bit product: reciprocal_scale. */
function scale(hash: number, size: number): number {
  const high = (hash >>> 16) * size;
  const low = (hash & 0xffff) * size;
  return Math.floor((high + Math.floor(low / 65536)) / 65536);
}
