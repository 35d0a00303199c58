/**
 * IPv6 addresses on the data path: four int32 words, first word first, in an array that is used again; and what kind an
 * address is (include/net/ipv6.h, net/ipv6/addrconf_core.c). Words in a packet are asked for where they lie. @module
 */
import type { Address6 } from '../packet/address.ts';

/** Four int32 words. */
export type In6 = Int32Array;

export const in6 = (address: Address6 | readonly number[] = [0, 0, 0, 0]): In6 => Int32Array.from(address);
export const ANY: In6 = in6();
export const LOOPBACK: In6 = in6([0, 0, 0, 1]);
export const ALL_NODES: In6 = in6([0xff020000 | 0, 0, 0, 1]);
export const ALL_ROUTERS: In6 = in6([0xff020000 | 0, 0, 0, 2]);

/** Copy the address at `at` of a packet. */
export function readIn6(v: DataView, at: number, to: In6): In6 {
  to[0] = v.getInt32(at);
  to[1] = v.getInt32(at + 4);
  to[2] = v.getInt32(at + 8);
  to[3] = v.getInt32(at + 12);
  return to;
}

/** Inverse of {@link readIn6}. */
export function writeIn6(v: DataView, at: number, from: In6): void {
  for (let i = 0; i < 4; i++) v.setInt32(at + 4 * i, from[i]!);
}

export const equalIn6 = (a: In6, b: In6): boolean => a[3] === b[3] && a[2] === b[2] && a[1] === b[1] && a[0] === b[0];

/** Is it this address that lies at `at`? */
export const isAt = (v: DataView, at: number, a: In6): boolean =>
  v.getInt32(at + 12) === a[3] && v.getInt32(at + 8) === a[2] && v.getInt32(at + 4) === a[1] && v.getInt32(at) === a[0];

/** Do two addresses agree in their first `length` bits? */
export function samePrefix(a: In6, b: In6, length: number): boolean {
  let left = length;
  for (let i = 0; left > 0; i++, left -= 32) {
    const mask = left >= 32 ? -1 : -1 << (32 - left);
    if (((a[i]! ^ b[i]!) & mask) !== 0) return false;
  }
  return true;
}

/** How many bits two addresses have in common at their beginning: ipv6_addr_diff. */
export function commonBits(a: In6, b: In6): number {
  for (let i = 0; i < 4; i++) if (a[i] !== b[i]) return 32 * i + Math.clz32(a[i]! ^ b[i]!);
  return 128;
}

/** Keep the first `length` bits. */
export const maskIn6 = (a: In6, length: number): In6 =>
  a.map((word, i) => {
    const bits = Math.min(32, Math.max(0, length - 32 * i));
    return bits === 0 ? 0 : word & (-1 << (32 - bits));
  });

/** ff00::/8, by the first word. */
export const isMulticast = (word: number): boolean => word >>> 24 === 0xff;
/** fe80::/10, by the first word. */
export const isLinkLocal = (word: number): boolean => (word & 0xffc00000) === (0xfe800000 | 0);
const isSiteLocal = (word: number): boolean => (word & 0xffc00000) === (0xfec00000 | 0);
/** The scope of a multicast address, by the first word. */
export const multicastScope = (word: number): number => (word >>> 16) & 15;

export const isAny = (a: In6): boolean => (a[0]! | a[1]! | a[2]! | a[3]!) === 0;
export const isLoopback = (a: In6): boolean => (a[0]! | a[1]! | a[2]!) === 0 && a[3] === 1;
const isMapped = (a: In6): boolean => (a[0]! | a[1]!) === 0 && a[2] === 0xffff;

/** Its route must lead through one device, whatever others offer: rt6_need_strict. */
export const needsDevice = (a: In6): boolean => isMulticast(a[0]!) || isLinkLocal(a[0]!) || isLoopback(a);

/** Scopes, RFC 4007: what __ipv6_addr_src_scope gives; -1 for the unspecified address. */
export const SCOPE_LINKLOCAL = 2;
export const SCOPE_SITELOCAL = 5;
export const SCOPE_GLOBAL = 14;
export function scopeOf(a: In6): number {
  if (isMulticast(a[0]!)) return multicastScope(a[0]!);
  if (isAny(a)) return -1;
  if (isLinkLocal(a[0]!) || isLoopback(a)) return SCOPE_LINKLOCAL;
  return isSiteLocal(a[0]!) ? SCOPE_SITELOCAL : SCOPE_GLOBAL;
}

/** Address policy labels, RFC 6724 2.1 as net/ipv6/addrlabel.c has them: longest prefixes first. */
const LABELS: readonly (readonly [prefix: In6, length: number, label: number])[] = [
  [in6([0, 0, 0, 1]), 128, 0],
  [in6([0, 0, 0xffff, 0]), 96, 4],
  [in6([0, 0, 0, 0]), 96, 3],
  [in6([0x20010000, 0, 0, 0]), 32, 6],
  [in6([0x20010010, 0, 0, 0]), 28, 7],
  [in6([0x3ffe0000, 0, 0, 0]), 16, 12],
  [in6([0x20020000, 0, 0, 0]), 16, 2],
  [in6([0xfec00000 | 0, 0, 0, 0]), 10, 11],
  [in6([0xfc000000 | 0, 0, 0, 0]), 7, 5],
];
const DEFAULT_LABEL = 1;

/** ipv6_addr_label. */
export function labelOf(a: In6): number {
  for (const [prefix, length, label] of LABELS) if (samePrefix(a, prefix, length)) return label;
  return DEFAULT_LABEL;
}

/** Scopes that addresses of this one are in, as bits: ipv6_addr_scope; 0 for those that are everywhere. */
function scopeBits(a: In6): number {
  const scope = isMulticast(a[0]!) ? multicastScope(a[0]!) : scopeOf(a);
  if (isLoopback(a) || (isMulticast(a[0]!) && scope === 1)) return 0x10;
  if (scope === SCOPE_LINKLOCAL) return 0x20;
  return scope === SCOPE_SITELOCAL ? 0x40 : 0;
}

/** May an own address stand for a destination: nf_nat_redirect_ipv6_usable. */
export function isUsableFor(own: In6, dst: In6): boolean {
  const wanted = scopeBits(dst);
  return !isMapped(own) && (wanted === 0 || (scopeBits(own) & wanted) !== 0);
}

/** The solicited-node group of an address, RFC 4291 2.7.1, into `to`. */
export function solicitedNode(a: In6, to: In6): In6 {
  to[0] = 0xff020000 | 0;
  to[1] = 0;
  to[2] = 1;
  to[3] = 0xff000000 | (a[3]! & 0xffffff);
  return to;
}
