/**
 * How a datagram came in pieces: one bit for each eight bytes of its data, set where a fragment began. The bits lie at the
 * end of the packet's own slot, so they live and die with it (the kernel has the fragments themselves in a frag_list). @module
 */
import type { Packet } from '../packet/packet.ts';

/** The bit of offset 0, where a fragment always begins: the first has a multiple of eight bytes. */
const EVEN = 1;

/** Bytes of bits for `length` bytes of data. */
export const geometryBytes = (length: number): number => (length + 63) >>> 6;

/** Reserve cleared bits at the end of the packet's slot; the slot must have the room behind the packet's end. */
export function geometryBegin(pkt: Packet, length: number): void {
  pkt.fragments = pkt.limit - geometryBytes(length);
  pkt.bytes.fill(0, pkt.fragments, pkt.limit);
  pkt.bytes[pkt.fragments] = EVEN;
}

/** A fragment began at this offset of the data. */
export function geometryMark({ bytes, fragments }: Packet, offset: number): void {
  bytes[fragments + (offset >>> 6)]! |= 1 << ((offset >>> 3) & 7);
}

/** Where the fragment after the one at `offset` begins, or `total`. */
export function geometryNext({ bytes, fragments }: Packet, offset: number, total: number): number {
  for (let next = offset + 8; next < total; next += 8) {
    if ((bytes[fragments + (next >>> 6)]! & (1 << ((next >>> 3) & 7))) !== 0) return next;
  }
  return total;
}

/** Is the first fragment of a length with which the fragments cannot leave as they came? */
export const isRagged = ({ bytes, fragments }: Packet): boolean => (bytes[fragments]! & EVEN) === 0;

/**
 * pskb_may_pull: the first `length` bytes from `l4` on are wanted in one piece, as by who is going to write there. What of
 * them lies in later fragments is moved into the first; while that ends beside a multiple of eight, the fragments cannot
 * leave as they came. Runs per packet.
 */
export function geometryPull(pkt: Packet, l4: number, length: number): void {
  if (pkt.fragments < 0) return;
  const total = pkt.end - l4;
  const first = geometryNext(pkt, 0, total);
  if (total < length || first > length || (first === length && !isRagged(pkt))) return;
  if (length === total) pkt.fragments = -1;
  else lengthenFirst(pkt, length, total);
}

/** The first fragment now has `length` bytes. The next is said to begin at the multiple of eight behind them. */
function lengthenFirst(pkt: Packet, length: number, total: number): void {
  const { bytes, fragments } = pkt;
  for (let at = 8; at < length; at += 8) bytes[fragments + (at >>> 6)]! &= ~(1 << ((at >>> 3) & 7));
  if ((length & 7) === 0) bytes[fragments]! |= EVEN;
  else bytes[fragments]! &= ~EVEN;
  const next = (length + 7) & ~7;
  if (next < total) geometryMark(pkt, next);
}
