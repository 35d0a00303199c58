/** An IPv6 packet into fragments: ip6_fragment, net/ipv6/ip6_output.c. @module */
import * as icmpv6 from '../packet/icmpv6.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';
import { FLAG_DEFRAG, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { EMSGSIZE, ENOMEM } from './errno.ts';
import { geometryNext, isRagged } from './geometry.ts';
import type { Ipv6 } from './ip6.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
/** Every link takes packets of this many bytes. */
export const MIN_MTU = 1280;

/** Where fragments go. */
export interface FragmentSink6 {
  /** @returns 0 or a negative errno; the fragment is gone either way */
  finishOutput(pkt: Packet): number;
}

/** What ip6_find_1stfragopt finds: the end of what every fragment repeats, and the field that names what follows. */
let nextHeaderField = 0;
function unfragmentableEnd({ view, l3, end }: Packet): number {
  let at = l3 + ipv6.HEADER_LEN;
  let routed = false;
  nextHeaderField = l3 + 6;
  for (;;) {
    const header = view.getUint8(nextHeaderField);
    if (header === ext.ROUTING) routed = true;
    else if (header !== ext.HOP && (header !== ext.DEST || routed)) return at;
    if (at + 2 > end) return at;
    nextHeaderField = at;
    at += ext.headerLength(view, at, header);
  }
}

/**
 * Send a packet in pieces of at most `mtu` bytes, or, where it came in fragments that fit, in those. The packet is gone
 * afterwards.
 * @param local made here: it may be cut without having come in pieces
 * @returns 0, or the first negative errno
 */
export function fragmentPacket6(ip6: Ipv6, pkt: Packet, pathMtu: number, local: boolean, to: FragmentSink6): number {
  const hlen = unfragmentableEnd(pkt) - pkt.l3;
  const field = nextHeaderField - pkt.l3;
  const { fragMax } = pkt;
  let mtu = pathMtu;
  if (!local && (pkt.flags & FLAG_DEFRAG) === 0 && pkt.end - pkt.l3 > mtu) return tooBig(ip6, pkt, mtu);
  if (fragMax !== 0) {
    if (fragMax > mtu) return tooBig(ip6, pkt, mtu);
    mtu = Math.max(fragMax, MIN_MTU);
  }
  const space = mtu - hlen - ext.FRAGMENT_LEN;
  if (space < 8) return tooBig(ip6, pkt, mtu);
  const cutter = new Cutter(ip6, pkt, hlen, field, to);
  const error = fitsGeometry(pkt, hlen, space) ? cutter.asTheyCame() : cutter.inPieces(space);
  ip6.ns.pool.release(pkt);
  return error;
}

function tooBig(ip6: Ipv6, pkt: Packet, mtu: number): number {
  ip6.icmp.send(pkt, icmpv6.PKT_TOOBIG, 0, mtu);
  ip6.ns.drop(pkt, NOT_SPECIFIED);
  return -EMSGSIZE;
}

/** May the fragments leave as they came? The conditions of the frag_list fast path. */
function fitsGeometry(pkt: Packet, hlen: number, space: number): boolean {
  if (pkt.fragments < 0 || isRagged(pkt)) return false;
  const total = pkt.end - pkt.l3 - ipv6.HEADER_LEN;
  for (let at = hlen - ipv6.HEADER_LEN; at < total; ) {
    const next = geometryNext(pkt, at, total);
    if (next - at > space || ((next - at) & 7 && next < total)) return false;
    at = next;
  }
  return true;
}

/** One packet that is being cut. */
class Cutter {
  private readonly ip6: Ipv6;
  private readonly pkt: Packet;
  private readonly hlen: number;
  private readonly field: number;
  private readonly to: FragmentSink6;
  private readonly id: number;

  constructor(ip6: Ipv6, pkt: Packet, hlen: number, field: number, to: FragmentSink6) {
    this.ip6 = ip6;
    this.pkt = pkt;
    this.hlen = hlen;
    this.field = field;
    this.to = to;
    // ipv6_select_ident: never 0.
    this.id = 1 + ip6.ns.random.below(0xffff_ffff);
  }

  asTheyCame(): number {
    const { pkt, hlen } = this;
    const total = pkt.end - pkt.l3 - ipv6.HEADER_LEN;
    const start = hlen - ipv6.HEADER_LEN;
    let error = 0;
    for (let at = start; at < total && error === 0; ) {
      const next = geometryNext(pkt, at, total);
      error = this.piece(at - start, next - at, next < total);
      at = next;
    }
    return error;
  }

  /** The slow path: pieces as large as fit. */
  inPieces(space: number): number {
    const total = this.pkt.end - this.pkt.l3 - this.hlen;
    let error = 0;
    for (let at = 0; at < total && error === 0; ) {
      const left = total - at;
      const length = left <= space ? left : space & ~7;
      error = this.piece(at, length, length < left);
      at += length;
    }
    return error;
  }

  private piece(at: number, length: number, more: boolean): number {
    const { pkt, hlen } = this;
    const piece = this.ip6.ns.pool.take(hlen + ext.FRAGMENT_LEN + length);
    if (piece === null) return -ENOMEM;
    const { l3 } = pkt;
    piece.copyMetadata(pkt);
    piece.l2 = -1;
    piece.l3 = piece.data;
    piece.l4 = piece.data + hlen;
    piece.fragMax = 0;
    piece.copyBytes(pkt, l3, l3 + hlen, piece.l3);
    const nextHeader = piece.view.getUint8(piece.l3 + this.field);
    piece.view.setUint8(piece.l3 + this.field, ext.FRAGMENT);
    ext.emit({ nextHeader, offset: at, more, id: this.id }, piece.view, piece.l4);
    piece.copyBytes(pkt, l3 + hlen + at, l3 + hlen + at + length, piece.l4 + ext.FRAGMENT_LEN);
    ipv6.setPayloadLength(piece.view, piece.l3, piece.end - piece.l3 - ipv6.HEADER_LEN);
    return this.to.finishOutput(piece);
  }
}
