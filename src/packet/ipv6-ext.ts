/**
 * IPv6 extension headers, RFC 8200 section 4: fields, and the walk to the transport as ipv6_find_hdr and ipv6_skip_exthdr
 * (net/ipv6/exthdrs_core.c) do it. `at` is an extension header's first byte. @module
 */
import { PacketError } from './error.ts';
import * as ipv6 from './ipv6.ts';
import { reason } from './reason.ts';

const NEXT_HEADER = 0;
const LENGTH = 1;
const ROUTING_TYPE = 2;
const SEGMENTS_LEFT = 3;
const FRAGMENT_FIELD = 2;
const FRAGMENT_ID = 4;
export const FRAGMENT_LEN = 8;

/** Next header values. */
export const HOP = 0;
export const ROUTING = 43;
export const FRAGMENT = 44;
export const AUTH = 51;
export const NONE = 59;
export const DEST = 60;
export const MOBILITY = 135;

/** Bit of the fragment field; its upper 13 bits are the offset. */
export const MORE = 1;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

/** An extension header that the walk knows (ipv6_ext_hdr); NONE counts, though nothing follows it. */
export const isExtension = (header: number): boolean =>
  header === HOP || (header >= ROUTING && header <= FRAGMENT) || header === AUTH || header === NONE || header === DEST;

export const nextHeader = (v: DataView, at: number): number => v.getUint8(at + NEXT_HEADER);
/** Bytes of the extension header at `at`, whose own number is `header`. */
export function headerLength(v: DataView, at: number, header: number): number {
  if (header === FRAGMENT) return FRAGMENT_LEN;
  return header === AUTH ? (v.getUint8(at + LENGTH) + 2) << 2 : (v.getUint8(at + LENGTH) + 1) << 3;
}
export const routingType = (v: DataView, at: number): number => v.getUint8(at + ROUTING_TYPE);
export const segmentsLeft = (v: DataView, at: number): number => v.getUint8(at + SEGMENTS_LEFT);
/** Offset of a fragment in bytes. */
export const fragmentOffset = (v: DataView, at: number): number => v.getUint16(at + FRAGMENT_FIELD) & 0xfff8;
export const hasMore = (v: DataView, at: number): boolean => (v.getUint16(at + FRAGMENT_FIELD) & MORE) !== 0;
/** Uint32. */
export const fragmentId = (v: DataView, at: number): number => v.getUint32(at + FRAGMENT_ID);

/** What a walk found. One per walker, filled again by each {@link find}: the walk allocates nothing. */
export class Found {
  /** Protocol of the transport, or the header that was looked for. */
  protocol = 0;
  /** Its first byte. */
  at = 0;
  /** Offset of the fragment in bytes; not 0 if this is a later one (then no transport header stands at `at`). */
  fragmentOffset = 0;
  /** First byte of the fragment header that was passed, or -1. */
  fragmentHeader = -1;

  /** Begin a walk at header `protocol`. */
  begin(protocol: number, at: number): void {
    this.protocol = protocol;
    this.at = at;
    this.fragmentOffset = 0;
    this.fragmentHeader = -1;
  }

  /** Note the fragment header at `at`; false if it belongs to a later fragment, where the walk ends. */
  passFragment(v: DataView): boolean {
    this.fragmentHeader = this.at;
    this.fragmentOffset = fragmentOffset(v, this.at);
    return this.fragmentOffset === 0;
  }

  /** What a later fragment says of its transport; nothing, if it begins with more extension headers. */
  endInFragment(v: DataView, target: number): boolean {
    if (target >= 0) return target === FRAGMENT;
    this.protocol = nextHeader(v, this.at);
    this.at += FRAGMENT_LEN;
    return !isExtension(this.protocol) || this.protocol === NONE;
  }
}

/** Flags of {@link find}: stop at an AH though looking for the transport; pass routing headers with no segments left. */
export const STOP_AT_AUTH = 1;
export const SKIP_SPENT_ROUTING = 2;

/**
 * Walk from the IPv6 header at `l3`: to the transport (`target` -1), or to the first header `target`. False if it is not
 * there, or the packet ends before it. ipv6_find_hdr. Runs per packet: no allocation.
 */
export function find(v: DataView, l3: number, end: number, target: number, found: Found, flags = 0): boolean {
  if (end - l3 < ipv6.HEADER_LEN || ipv6.version(v, l3) !== 6) return false;
  found.begin(ipv6.nextHeader(v, l3), l3 + ipv6.HEADER_LEN);
  while (isExtension(found.protocol) && found.protocol !== NONE) {
    const { protocol, at } = found;
    if (end - at < bytesRead(protocol)) return false;
    if (protocol === FRAGMENT && !found.passFragment(v)) return found.endInFragment(v, target);
    const spent = protocol === ROUTING && (flags & SKIP_SPENT_ROUTING) !== 0 && segmentsLeft(v, at) === 0;
    if (protocol === target && !spent) return true;
    if (protocol === AUTH && target < 0 && (flags & STOP_AT_AUTH) !== 0) return true;
    found.protocol = nextHeader(v, at);
    found.at = at + headerLength(v, at, protocol);
  }
  return target < 0 || found.protocol === target;
}

/**
 * Walk from a header `protocol` at `at` over what extension headers follow; at a later fragment stop at its fragment
 * header. False if NONE comes or the packet ends. ipv6_skip_exthdr. Runs per packet: no allocation.
 */
export function skip(v: DataView, at: number, end: number, protocol: number, found: Found): boolean {
  found.begin(protocol, at);
  while (isExtension(found.protocol)) {
    const header = found.protocol;
    if (header === NONE || end - found.at < (header === FRAGMENT ? 4 : 2)) return false;
    if (header === FRAGMENT && !found.passFragment(v)) return true;
    found.protocol = nextHeader(v, found.at);
    found.at += headerLength(v, found.at, header);
  }
  return true;
}

/** How far the walk looks into a header. */
const bytesRead = (header: number): number => (header === ROUTING || header === FRAGMENT ? 4 : 2);

/** A fragment header. */
export interface Fragment {
  readonly nextHeader: number;
  /** Bytes, a multiple of 8. */
  readonly offset: number;
  readonly more: boolean;
  readonly id: number;
}

/** 0, or why [at, end) does not hold the whole extension header `header`. Runs per packet. */
export const check = (v: DataView, at: number, end: number, header: number): number =>
  end - at < 8 || headerLength(v, at, header) > end - at ? PKT_TOO_SMALL : 0;

/** Read a fragment header. @throws {PacketError} if it is cut short. */
export function parse(v: DataView, at: number, end: number): Fragment {
  if (check(v, at, end, FRAGMENT) !== 0)
    throw new PacketError('ipv6-frag', `${end - at} bytes, expected at least ${FRAGMENT_LEN}`);
  return {
    nextHeader: nextHeader(v, at),
    offset: fragmentOffset(v, at),
    more: hasMore(v, at),
    id: fragmentId(v, at),
  };
}

/** Write a fragment header, reserved bits zero. Inverse of {@link parse}. */
export function emit(fragment: Fragment, v: DataView, at: number): void {
  v.setUint8(at + NEXT_HEADER, fragment.nextHeader);
  v.setUint8(at + LENGTH, 0);
  v.setUint16(at + FRAGMENT_FIELD, fragment.offset | (fragment.more ? MORE : 0));
  v.setUint32(at + FRAGMENT_ID, fragment.id);
}
