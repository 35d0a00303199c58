/** What REJECT sends for IPv6: nf_send_unreach6 and nf_send_reset6, net/ipv6/netfilter/nf_reject_ipv6.c. @module */
import { HOP_LIMIT } from '../net/dev-conf6.ts';
import { Flow6 } from '../net/flow6.ts';
import { OUTPUT } from '../net/hook.ts';
import { isAny, isMulticast, readIn6 } from '../net/in6.ts';
import { writeReset } from '../net/tcp.ts';
import * as sum from '../packet/checksum.ts';
import * as icmpv6 from '../packet/icmpv6.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';
import { FLAG_CSUM_OK, FLAG_CSUM_VALID, type Packet } from '../packet/packet.ts';
import * as tcp from '../packet/tcp.ts';
import type { Evaluation } from './extension.ts';
import { coversPacket } from './reject-ipv4.ts';

const SRC = 8;
const DST = 24;

const found = new ext.Found();
const flow = new Flow6();

/** An ICMPv6 destination unreachable, unless the packet may be broken on its way: its checksum must be right. */
export function sendUnreachable6(pkt: Packet, code: number, { ns, hook }: Evaluation): void {
  if (ns.ipv6 === null || !isWhole(pkt)) return;
  ns.ipv6.icmp.send(pkt, icmpv6.DEST_UNREACH, code, 0, hook === OUTPUT ? ns.loopback : ns.devices[pkt.iif]!);
}

/** reject6_csum_ok. */
function isWhole({ view, l3, end, flags }: Packet): boolean {
  if (!ext.skip(view, l3 + ipv6.HEADER_LEN, end, ipv6.nextHeader(view, l3), found)) return false;
  if (found.at >= end || found.fragmentOffset !== 0) return false;
  if (!coversPacket(view, found.at, end, found.protocol) || (flags & (FLAG_CSUM_OK | FLAG_CSUM_VALID)) !== 0)
    return true;
  return checksumRight(view, l3, found.at, end, found.protocol);
}

const checksumRight = (view: DataView, l3: number, at: number, end: number, protocol: number): boolean =>
  sum.fold(sum.add(view, at, end, ipv6.pseudo(view, l3, protocol, end - at))) === 0xffff;

/** A RST to the sender of a TCP segment that is whole and right, and no RST itself. */
export function sendReset6(pkt: Packet, scope: Evaluation): void {
  const { view, l3, end } = pkt;
  const { ns } = scope;
  if (ns.ipv6 === null || !takeAddresses(pkt)) return;
  if (!ext.skip(view, l3 + ipv6.HEADER_LEN, end, ipv6.nextHeader(view, l3), found)) return;
  const at = found.at;
  if (found.protocol !== ipv4.TCP || found.fragmentOffset !== 0 || end - at < tcp.HEADER_LEN) return;
  if ((tcp.flags(view, at) & tcp.RST) !== 0) return;
  if ((pkt.flags & FLAG_CSUM_OK) === 0 && !checksumRight(view, l3, at, end, ipv4.TCP)) return;
  flow.protocol = ipv4.TCP;
  flow.mark = ns.ipv6.reflectedMark(pkt);
  if (ns.ipv6.routing.output(flow) !== 0) return;
  const reset = ns.pool.take(ipv6.HEADER_LEN + tcp.HEADER_LEN);
  if (reset === null) return;
  const { rt } = ns.ipv6.routing;
  rt.apply(reset);
  reset.mark = flow.mark;
  reset.flags = FLAG_CSUM_OK;
  ns.ipv6.writeHeader(reset, flow, 0, ns.ipv6.conf.get(rt.dev!, HOP_LIMIT));
  reset.view.setUint32(reset.l3, 0x60000000);
  pkt.l4 = at;
  writeReset(pkt, reset);
  tcp.fillChecksum(reset.view, reset.l4, reset.end, ipv6.pseudo(reset.view, reset.l3, ipv4.TCP, tcp.HEADER_LEN));
  scope.conntrack.attach(reset, pkt);
  scope.conntrack.setClosing(pkt);
  ns.ipv6.output(reset);
}

/** The flow of the answer; false when there can be none, because an address is no unicast one. */
function takeAddresses({ view, l3 }: Packet): boolean {
  flow.clear();
  readIn6(view, l3 + SRC, flow.dst);
  readIn6(view, l3 + DST, flow.src);
  return !(isMulticast(flow.dst[0]!) || isMulticast(flow.src[0]!) || isAny(flow.dst) || isAny(flow.src));
}
