/** TCP for this host: tcp_v4_rcv as far as nobody is connected. net/ipv4/tcp_ipv4.c. @module */
import * as sum from '../packet/checksum.ts';
import * as ipv4 from '../packet/ipv4.ts';
import { FLAG_CSUM_OK, PACKET_HOST, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as tcp from '../packet/tcp.ts';
import { AO, EOL, MD5SIG, NOP } from '../packet/tcp-options.ts';
import { Flow } from './flow.ts';
import { ReplyOptions } from './ip-options.ts';
import { ipLocalOut } from './ip-output.ts';
import type { Netns } from './netns.ts';
import { RTN_LOCAL, RTN_UNICAST } from './rtn.ts';

const CONSUMED = reason('CONSUMED');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const NO_SOCKET = reason('NO_SOCKET');
const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const TCP_CSUM = reason('TCP_CSUM');
const TCP_FLAGS = reason('TCP_FLAGS');

const ECN_MASK = 3;
/** Fewer bytes of options hold no signature. */
const AUTH_MIN = 18;

const flow = new Flow();
const reply = new ReplyOptions();

/** Takes the packet; `pkt.l4` at the TCP header. A listening socket swallows what opens a connection. */
export function tcpReceive(ns: Netns, pkt: Packet): void {
  ns.drop(pkt, handle(ns, pkt));
}

function handle(ns: Netns, pkt: Packet): number {
  const { view, l3, l4, end } = pkt;
  if (pkt.pktType !== PACKET_HOST || end - l4 < tcp.HEADER_LEN) return NOT_SPECIFIED;
  const hlen = tcp.headerLength(view, l4);
  if (hlen < tcp.HEADER_LEN) return PKT_TOO_SMALL;
  if (hlen > end - l4) return NOT_SPECIFIED;
  if (!checksumIsRight(pkt)) return TCP_CSUM;
  if (ns.sockets.find(ipv4.TCP, tcp.dstPort(view, l4), ipv4.dst(view, l3)) !== null) {
    // Nobody has connected, so there is nothing to acknowledge. A SYN would be answered: here sockets stay silent.
    if ((tcp.flags(view, l4) & (tcp.ACK | tcp.RST)) !== tcp.ACK) return CONSUMED;
    sendReset(ns, pkt);
    return TCP_FLAGS;
  }
  sendReset(ns, pkt);
  return NO_SOCKET;
}

function checksumIsRight({ view, l3, l4, end, flags }: Packet): boolean {
  if ((flags & FLAG_CSUM_OK) !== 0) return true;
  return sum.fold(sum.add(view, l4, end, ipv4.pseudo(view, l3, end - l4))) === 0xffff;
}

/** tcp_v4_send_reset and ip_send_unicast_reply. */
function sendReset(ns: Netns, pkt: Packet): void {
  const { view, l3, l4 } = pkt;
  if ((tcp.flags(view, l4) & tcp.RST) !== 0 || pkt.routeType !== RTN_LOCAL || mustBeSigned(pkt)) return;
  if (!reply.echo(pkt, (address) => ns.fib.addressType(address) === RTN_UNICAST)) return;
  const [src, dst] = [ipv4.src(view, l3), ipv4.dst(view, l3)];
  const tos = ipv4.tos(view, l3) & ~ECN_MASK;
  flow.clear();
  flow.dst = reply.firstHop || src;
  flow.src = dst;
  flow.tos = tos;
  flow.mark = ns.ip.reflectedMark(pkt);
  flow.protocol = ipv4.TCP;
  flow.srcPort = tcp.dstPort(view, l4);
  flow.dstPort = tcp.srcPort(view, l4);
  if (ns.ip.routing.route(flow) !== 0) return;
  const hlen = ipv4.HEADER_LEN + reply.length;
  const reset = ns.pool.take(hlen + tcp.HEADER_LEN);
  if (reset === null) return;
  reset.l4 = reset.data + hlen;
  reset.mark = flow.mark;
  // For a segment to no address at all the route has chosen one.
  ns.ip.writeHeader(reset, flow.src, reply.firstHop || src, ipv4.TCP, tos, reply);
  ipv4.setFragment(reset.view, reset.l3, ipv4.DF);
  writeReset(pkt, reset);
  // Summed with the addresses that the segment had, whatever the route has chosen.
  tcp.fillChecksum(reset.view, reset.l4, reset.end, ipv4.pseudo(view, l3, tcp.HEADER_LEN));
  if (reply.length > 0) reply.build(reset, dst, src, ns.ip.optionsHost);
  ns.ip.routing.rt.apply(reset);
  ipLocalOut(ns, reset);
}

/**
 * Would the answer need a signature (TCP-MD5, TCP-AO), or are the options too broken to tell? tcp_do_parse_auth_options.
 * Nobody here has a key.
 */
export function mustBeSigned({ view, l4 }: Packet): boolean {
  const end = l4 + tcp.headerLength(view, l4);
  let i = l4 + tcp.HEADER_LEN;
  while (end - i >= AUTH_MIN) {
    const kind = view.getUint8(i);
    if (kind === EOL) return false;
    if (kind === NOP) {
      i++;
      continue;
    }
    const length = view.getUint8(i + 1);
    if (length < 2 || length > end - i || kind === MD5SIG || kind === AO) return true;
    i += length;
  }
  return false;
}

/** The RST that answers a segment, at `reset.l4`, checksum zero. */
export function writeReset({ view: from, l4: at, end }: Packet, reset: Packet): void {
  const { view: v, l4 } = reset;
  reset.bytes.fill(0, l4, reset.end);
  tcp.setSrcPort(v, l4, tcp.dstPort(from, at));
  tcp.setDstPort(v, l4, tcp.srcPort(from, at));
  tcp.setHeaderLength(v, l4, tcp.HEADER_LEN);
  const flags = tcp.flags(from, at);
  if ((flags & tcp.ACK) !== 0) {
    tcp.setSeq(v, l4, tcp.ack(from, at));
    tcp.setFlags(v, l4, tcp.RST);
  } else {
    const used = Number((flags & tcp.SYN) !== 0) + Number((flags & tcp.FIN) !== 0);
    tcp.setAck(v, l4, (tcp.seq(from, at) + used + end - at - tcp.headerLength(from, at)) >>> 0);
    tcp.setFlags(v, l4, tcp.RST | tcp.ACK);
  }
}
