/**
 * How a datagram came in pieces: one bit for each eight bytes of its data, set where a fragment began. The bits lie at the
 * end of the packet's own slot, so they live and die with it (the kernel has the fragments themselves in a frag_list). @module
 */
import type { Packet } from '../packet/packet.ts';

/** Bytes of bits for `length` bytes of data. */
export const geometryBytes = (length: number): number => (length + 63) >>> 6;

/** Reserve cleared bits at the end of the packet's slot; the slot must have the room behind the packet's end. */
export function geometryBegin(pkt: Packet, length: number): void {
  pkt.fragments = pkt.limit - geometryBytes(length);
  pkt.bytes.fill(0, pkt.fragments, pkt.limit);
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

/**
 * pskb_may_pull: the first `length` bytes from `l4` on are wanted in one piece, as by who is going to write there. What of
 * them lies in later fragments is moved into the first; unless that ends at a multiple of eight, the fragments cannot leave
 * any more as they came. Runs per packet.
 */
export function geometryPull(pkt: Packet, l4: number, length: number): void {
  if (pkt.fragments < 0) return;
  const total = pkt.end - l4;
  if (total < length || geometryNext(pkt, 0, total) >= length) return;
  if ((length & 7) !== 0 || length === total) pkt.fragments = -1;
  else lengthenFirst(pkt, length);
}

/** The first fragment now has `length` bytes. */
function lengthenFirst({ bytes, fragments }: Packet, length: number): void {
  for (let at = 8; at < length; at += 8) bytes[fragments + (at >>> 6)]! &= ~(1 << ((at >>> 3) & 7));
  bytes[fragments + (length >>> 6)]! |= 1 << ((length >>> 3) & 7);
}
