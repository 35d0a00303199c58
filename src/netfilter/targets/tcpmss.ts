/** `-j TCPMSS`: lower the segment size that a SYN announces, net/netfilter/xt_TCPMSS.c. @module */
import { geometryPull } from '../../net/geometry.ts';
import { NF_DROP } from '../../net/hook.ts';
import * as sum from '../../packet/checksum.ts';
import { ETH_P_IPV6 } from '../../packet/ethernet.ts';
import * as ipv4 from '../../packet/ipv4.ts';
import * as ipv6 from '../../packet/ipv6.ts';
import type { Packet } from '../../packet/packet.ts';
import * as tcp from '../../packet/tcp.ts';
import { MSS, NOP } from '../../packet/tcp-options.ts';
import { type Evaluation, type Target, XT_CONTINUE } from '../extension.ts';
import { oneOf } from '../number.ts';

const MSS_LEN = 4;
/** What a peer must take for granted that announces nothing: RFC 1122, RFC 2460. */
const DEFAULT_MSS4 = 536;
const DEFAULT_MSS6 = 1220;
const CLAMP = -1;
const NO_LIMIT = 0xffff_ffff;

export interface TcpmssTarget {
  /** Bytes, or -1: as the path allows. */
  readonly mss: number;
}

export const tcpmss: Target<TcpmssTarget> = {
  name: 'TCPMSS',
  protocols: [6],
  options: [{ name: 'set-mss' }, { name: 'clamp-mss-to-pmtu', words: 0 }],
  parse(given) {
    const option = oneOf(given, ['set-mss', 'clamp-mss-to-pmtu']);
    if (option === undefined) return given.fail('no action, expected --set-mss or --clamp-mss-to-pmtu');
    if (option === 'set-mss') return { mss: given.uint('set-mss', given.family === 'ipv4' ? 65_515 : 65_495) };
    if (given.chain === 'PREROUTING' || given.chain === 'INPUT')
      given.fail(`a path MTU in ${given.chain}, expected FORWARD, OUTPUT or POSTROUTING`, 'clamp-mss-to-pmtu');
    return { mss: CLAMP };
  },
  format: ({ mss }) => (mss === CLAMP ? '--clamp-mss-to-pmtu' : `--set-mss ${mss}`),
  compile: ({ mss }) => [mss],
  run(args, at, pkt, scope) {
    if (scope.fragmentOffset !== 0) return XT_CONTINUE;
    const { view, l4, end } = pkt;
    geometryPull(pkt, l4, end - l4);
    const header = l4 + tcp.HEADER_LEN > end ? 0 : tcp.headerLength(view, l4);
    if (header < tcp.HEADER_LEN || l4 + header > end) return NF_DROP;
    const mss = args[at] === CLAMP ? pathMss(pkt, scope) : args[at]!;
    if (mss <= 0) return NF_DROP;
    if (lower(pkt, header, mss)) return XT_CONTINUE;
    // Data behind the header, or a header that is full already: there is no room for the option.
    if (end - l4 > header || header >= tcp.MAX_HEADER_LEN) return XT_CONTINUE;
    return append(pkt, header, mss) ? XT_CONTINUE : NF_DROP;
  },
};

/** What fits through the narrower of the ways there and back; 0 or less when nothing does. */
function pathMss(pkt: Packet, scope: Evaluation): number {
  const headers = (pkt.protocol === ETH_P_IPV6 ? ipv6.HEADER_LEN : ipv4.HEADER_LEN) + tcp.HEADER_LEN;
  return Math.min(pkt.pathMtu, reverseMtu(pkt, scope)) - headers;
}

/** tcpmss_reverse_mtu. */
function reverseMtu(pkt: Packet, { ns }: Evaluation): number {
  if (pkt.protocol === ETH_P_IPV6) return NO_LIMIT;
  return ns.ip.mtuTo(ipv4.src(pkt.view, pkt.l3)) || NO_LIMIT;
}

/**
 * Is there an MSS option? Then bring it down to `mss`. The kernel corrects the checksum as if the value began at an even
 * offset, so that it is wrong when it does not. Runs per packet.
 */
function lower(pkt: Packet, header: number, mss: number): boolean {
  const { view, l4 } = pkt;
  for (let i = tcp.HEADER_LEN; i <= header - MSS_LEN; ) {
    const kind = view.getUint8(l4 + i);
    const size = view.getUint8(l4 + i + 1);
    if (kind === MSS && size === MSS_LEN) {
      const old = view.getUint16(l4 + i + 2);
      if (old <= mss) return true;
      view.setUint16(l4 + i + 2, mss);
      tcp.adjustChecksum16(view, l4, old, mss);
      return true;
    }
    i += kind <= NOP || size === 0 ? 1 : size;
  }
  return false;
}

/** Put an MSS option in front of the others; false when the packet's slot is full. Runs per packet. */
function append(pkt: Packet, header: number, wanted: number): boolean {
  const { view, bytes, l3, l4, end } = pkt;
  const v6 = pkt.protocol === ETH_P_IPV6;
  const length = end - l4;
  if (!pkt.resize(pkt.length + MSS_LEN)) return false;
  const mss = Math.min(wanted, v6 ? DEFAULT_MSS6 : DEFAULT_MSS4);
  const options = l4 + tcp.HEADER_LEN;
  bytes.copyWithin(options + MSS_LEN, options, end);
  tcp.adjustChecksum16(view, l4, length, length + MSS_LEN);
  view.setUint8(options, MSS);
  view.setUint8(options + 1, MSS_LEN);
  view.setUint16(options + 2, mss);
  tcp.adjustChecksum32(view, l4, 0, view.getInt32(options));
  const old = view.getUint16(l4 + 12);
  tcp.setHeaderLength(view, l4, header + MSS_LEN);
  tcp.adjustChecksum16(view, l4, old, view.getUint16(l4 + 12));
  if (v6) ipv6.setPayloadLength(view, l3, ipv6.payloadLength(view, l3) + MSS_LEN);
  else {
    const total = ipv4.totalLength(view, l3);
    ipv4.setChecksum(view, l3, sum.replace16(ipv4.checksum(view, l3), total, total + MSS_LEN));
    ipv4.setTotalLength(view, l3, total + MSS_LEN);
  }
  return true;
}
