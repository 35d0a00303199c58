/**
 * Neighbour discovery, RFC 4861 section 4 (include/net/ndisc.h): the five ICMPv6 messages and their options. `at` is the
 * first byte of the ICMPv6 header; an option is found by its first byte's offset `i`. @module
 */
import { type Address6, format6, parse6 } from './address.ts';
import { PacketError } from './error.ts';
import * as icmpv6 from './icmpv6.ts';
import { readAddress, writeAddress } from './ipv6.ts';
import { reason } from './reason.ts';

const FLAGS = 4;
const TARGET = 8;
const DESTINATION = 24;
const HOP_LIMIT = 4;
const RA_FLAGS = 5;
const LIFETIME = 6;
const REACHABLE = 8;
const RETRANSMIT = 12;

/** Bytes before the options, by message. */
export const RS_LEN = 8;
export const RA_LEN = 16;
export const NEIGHBOUR_LEN = 24;
export const REDIRECT_LEN = 40;

/** Bits of an advertisement's first byte of flags: it is a router; it answers; it overrides. */
export const ROUTER = 0x80;
export const SOLICITED = 0x40;
export const OVERRIDE = 0x20;

/** Option types. */
export const SOURCE_LL_ADDR = 1;
export const TARGET_LL_ADDR = 2;
export const PREFIX_INFO = 3;
export const REDIRECT_HDR = 4;
export const MTU = 5;
export const NONCE = 14;
export const ROUTE_INFO = 24;
export const RDNSS = 25;
export const DNSSL = 31;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const IPV6_NDISC_BAD_OPTIONS = reason('IPV6_NDISC_BAD_OPTIONS');

/** One of the five messages. */
export const isNd = (type: number): boolean => type >= icmpv6.ROUTER_SOLICITATION && type <= icmpv6.REDIRECT;

/** ROUTER | SOLICITED | OVERRIDE of an advertisement. */
export const flags = (v: DataView, at: number): number => v.getUint8(at + FLAGS);
/** Word `i` (0..3) of the target of a solicitation, an advertisement or a redirect, int32. */
export const targetWord = (v: DataView, at: number, i: number): number => v.getInt32(at + TARGET + 4 * i);
/** A whole address, for printing: it allocates. */
export const target = (v: DataView, at: number): Address6 => readAddress(v, at + TARGET);
/** The destination of a redirect. Allocates. */
export const destination = (v: DataView, at: number): Address6 => readAddress(v, at + DESTINATION);

export const setFlags = (v: DataView, at: number, value: number): void => v.setUint8(at + FLAGS, value);
export const setTargetWord = (v: DataView, at: number, i: number, word: number): void =>
  v.setInt32(at + TARGET + 4 * i, word);

export const optionType = (v: DataView, i: number): number => v.getUint8(i);
/** Bytes of an option, its two-byte head included: a multiple of 8; 0 is an error. */
export const optionLength = (v: DataView, i: number): number => v.getUint8(i + 1) << 3;
/** Bytes before the options of message `type`, or 0 if it is none. */
export function optionsOffset(type: number): number {
  if (type === icmpv6.ROUTER_SOLICITATION) return RS_LEN;
  if (type === icmpv6.ROUTER_ADVERTISEMENT) return RA_LEN;
  if (type === icmpv6.REDIRECT) return REDIRECT_LEN;
  return isNd(type) ? NEIGHBOUR_LEN : 0;
}

/** The first option of a message that {@link check} passed, or -1. Runs per packet. */
export function findOption(v: DataView, at: number, end: number, wanted: number): number {
  let i = at + optionsOffset(icmpv6.type(v, at));
  while (i < end && optionType(v, i) !== wanted) i += optionLength(v, i);
  return i < end ? i : -1;
}

/** What every message has. */
interface Message {
  readonly code: number;
  readonly checksum: number;
  /** As they stand: each type, length in eights, value. */
  readonly options: Uint8Array;
}
export interface RouterSolicitation extends Message {
  readonly type: 133;
}
export interface RouterAdvertisement extends Message {
  readonly type: 134;
  readonly hopLimit: number;
  /** Managed 0x80, other 0x40, ... */
  readonly flags: number;
  /** Seconds. */
  readonly lifetime: number;
  /** Milliseconds. */
  readonly reachable: number;
  readonly retransmit: number;
}
export interface NeighbourSolicitation extends Message {
  readonly type: 135;
  readonly target: string;
}
export interface NeighbourAdvertisement extends Message {
  readonly type: 136;
  readonly flags: number;
  readonly target: string;
}
export interface Redirect extends Message {
  readonly type: 137;
  readonly target: string;
  readonly destination: string;
}
export type Nd = RouterSolicitation | RouterAdvertisement | NeighbourSolicitation | NeighbourAdvertisement | Redirect;

/** 0, or why [at, end) holds no message of {@link isNd} with well-formed options (ndisc_parse_options). Runs per packet. */
export function check(v: DataView, at: number, end: number): number {
  if (end - at < RS_LEN) return PKT_TOO_SMALL;
  let i = at + optionsOffset(icmpv6.type(v, at));
  if (i === at || i > end) return PKT_TOO_SMALL;
  while (i < end) {
    if (end - i < 2) return IPV6_NDISC_BAD_OPTIONS;
    const length = optionLength(v, i);
    if (length === 0 || length > end - i) return IPV6_NDISC_BAD_OPTIONS;
    i += length;
  }
  return 0;
}

/** Read a message from bytes [at, end). @throws {PacketError} if it is none, or cut short, or its options lie. */
export function parse(v: DataView, at: number, end: number): Nd {
  if (check(v, at, end) !== 0) throw new PacketError('nd', `no message in ${end - at} bytes`);
  const type = icmpv6.type(v, at);
  const start = at + optionsOffset(type);
  const common = {
    code: icmpv6.code(v, at),
    checksum: icmpv6.checksum(v, at),
    options: new Uint8Array(v.buffer, v.byteOffset + start, end - start).slice(),
  };
  if (type === icmpv6.ROUTER_SOLICITATION) return { type, ...common };
  if (type === icmpv6.ROUTER_ADVERTISEMENT) return { type, ...common, ...advertised(v, at) };
  const to = format6(target(v, at));
  if (type === icmpv6.NEIGHBOUR_ADVERTISEMENT) return { type, ...common, flags: flags(v, at), target: to };
  if (type === icmpv6.REDIRECT) return { type, ...common, target: to, destination: format6(destination(v, at)) };
  return { type: icmpv6.NEIGHBOUR_SOLICITATION, ...common, target: to };
}

const advertised = (v: DataView, at: number) => ({
  hopLimit: v.getUint8(at + HOP_LIMIT),
  flags: v.getUint8(at + RA_FLAGS),
  lifetime: v.getUint16(at + LIFETIME),
  reachable: v.getUint32(at + REACHABLE),
  retransmit: v.getUint32(at + RETRANSMIT),
});

/** Write a message at `at`, reserved fields zero. Inverse of {@link parse}. @throws {PacketError} if an address is none. */
export function emit(nd: Nd, v: DataView, at: number): void {
  icmpv6.emit({ type: nd.type, code: nd.code, checksum: nd.checksum, info: 0 }, v, at);
  if (nd.type === icmpv6.ROUTER_ADVERTISEMENT) {
    v.setUint8(at + HOP_LIMIT, nd.hopLimit);
    v.setUint8(at + RA_FLAGS, nd.flags);
    v.setUint16(at + LIFETIME, nd.lifetime);
    v.setUint32(at + REACHABLE, nd.reachable);
    v.setUint32(at + RETRANSMIT, nd.retransmit);
  } else if (nd.type !== icmpv6.ROUTER_SOLICITATION) {
    if (nd.type === icmpv6.NEIGHBOUR_ADVERTISEMENT) setFlags(v, at, nd.flags);
    putAddress(v, at + TARGET, nd.target);
    if (nd.type === icmpv6.REDIRECT) putAddress(v, at + DESTINATION, nd.destination);
  }
  new Uint8Array(v.buffer, v.byteOffset).set(nd.options, at + optionsOffset(nd.type));
}

function putAddress(v: DataView, at: number, text: string): void {
  const address = parse6(text);
  if (address === undefined) throw new PacketError('nd', `not an address: ${text}`);
  writeAddress(v, at, address);
}
