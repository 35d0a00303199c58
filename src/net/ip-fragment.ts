/** A packet into fragments: ip_do_fragment, net/ipv4/ip_output.c. @module */
import * as ipv4 from '../packet/ipv4.ts';
import { FLAG_FRAG_PMTU, type Packet } from '../packet/packet.ts';
import { ENOMEM } from './errno.ts';
import { geometryNext, isRagged } from './geometry.ts';
import * as options from './ip-options.ts';
import type { Netns } from './netns.ts';

/** Where fragments go. */
export interface FragmentSink {
  /** @returns 0 or a negative errno; the fragment is gone either way */
  finishOutput(pkt: Packet): number;
}

/**
 * Send a packet in pieces of at most `mtu` bytes, or, where it came in fragments that fit, in those. Each takes over the
 * packet's metadata; `to` gets them one by one. The packet is gone afterwards.
 * @returns 0, or the first negative errno
 */
export function fragmentPacket(ns: Netns, pkt: Packet, mtu: number, to: FragmentSink): number {
  const hlen = ipv4.headerLength(pkt.view, pkt.l3);
  const most = pkt.fragMax !== 0 && pkt.fragMax < mtu ? pkt.fragMax : mtu;
  const space = most - hlen;
  if (fitsGeometry(ns, pkt, hlen, space)) return sendGeometry(ns, pkt, hlen, to);
  return sendPieces(ns, pkt, hlen, space, to);
}

/** May the fragments leave as they came? The conditions of the frag_list fast path. */
function fitsGeometry(ns: Netns, pkt: Packet, hlen: number, space: number): boolean {
  if (pkt.fragments < 0 || isRagged(pkt) || ipv4.isFragment(pkt.view, pkt.l3)) return false;
  if (headroomIsShort(ns, pkt)) return false;
  const total = pkt.end - pkt.l3 - hlen;
  for (let at = 0; at < total; ) {
    const next = geometryNext(pkt, at, total);
    if (next - at > space || ((next - at) & 7 && next < total)) return false;
    at = next;
  }
  return true;
}

/**
 * A fragment keeps the headroom that it came with: room for its own headers, what the device that it came in by asked for,
 * and some. A tunnel device needs more, and then the kernel copies.
 */
const headroomIsShort = ({ devices }: Netns, pkt: Packet): boolean =>
  devices[pkt.oif]!.neededHeadroom - devices[pkt.iif]!.rxHeadroom > 1;

function sendGeometry(ns: Netns, pkt: Packet, hlen: number, to: FragmentSink): number {
  const total = pkt.end - pkt.l3 - hlen;
  let error = 0;
  let at = 0;
  while (at < total && error === 0) {
    const next = geometryNext(pkt, at, total);
    // The kernel's fast path forgets DF.
    error = sendPiece(ns, pkt, hlen, at, next - at, next < total ? ipv4.MF : 0, at >>> 3, to);
    if (at === 0 && hlen > ipv4.HEADER_LEN) options.fragment(pkt);
    at = next;
  }
  ns.pool.release(pkt);
  return error;
}

/** The slow path: pieces as large as fit. */
function sendPieces(ns: Netns, pkt: Packet, hlen: number, space: number, to: FragmentSink): number {
  const field = ipv4.fragment(pkt.view, pkt.l3);
  const first = field & ipv4.OFFSET_MASK;
  const df = (pkt.flags & FLAG_FRAG_PMTU) !== 0 ? ipv4.DF : 0;
  const total = pkt.end - pkt.l3 - hlen;
  // A path too narrow for eight bytes of data cannot be used at all.
  if (space < 8) {
    ns.drop(pkt, 0);
    return -ENOMEM;
  }
  let error = 0;
  let at = 0;
  while (at < total && error === 0) {
    const left = total - at;
    let length = Math.min(left, space);
    if (length < left) length &= ~7;
    const more = at + length < total || (field & ipv4.MF) !== 0 ? ipv4.MF : 0;
    error = sendPiece(ns, pkt, hlen, at, length, df | more, first + (at >>> 3), to);
    if (at === 0 && first === 0 && hlen > ipv4.HEADER_LEN) options.fragment(pkt);
    at += length;
  }
  ns.pool.release(pkt);
  return error;
}

/** One fragment: header and `length` bytes from `at` of the data. */
function sendPiece(
  ns: Netns,
  pkt: Packet,
  hlen: number,
  at: number,
  length: number,
  flags: number,
  offset: number,
  to: FragmentSink,
): number {
  const piece = ns.pool.take(hlen + length);
  if (piece === null) return -ENOMEM;
  const { l3 } = pkt;
  piece.copyMetadata(pkt);
  piece.l2 = -1;
  piece.l3 = piece.data;
  piece.l4 = piece.data + hlen;
  piece.fragMax = 0;
  piece.copyBytes(pkt, l3, l3 + hlen, piece.l3);
  piece.copyBytes(pkt, l3 + hlen + at, l3 + hlen + at + length, piece.l4);
  ipv4.setTotalLength(piece.view, piece.l3, hlen + length);
  ipv4.setFragment(piece.view, piece.l3, flags | offset);
  ipv4.fillChecksum(piece.view, piece.l3);
  return to.finishOutput(piece);
}
