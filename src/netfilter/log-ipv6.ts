/** An IPv6 packet in a line of the kernel's log: dump_ipv6_packet, net/netfilter/nf_log_syslog.c. @module */
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';
import { LOG_IPOPT, type Logged } from './log-flags.ts';
import { logTcp, logUdp, mark, owner } from './log-transport.ts';

const ICMPV6_DEST_UNREACH = 1;
const ICMPV6_PKT_TOOBIG = 2;
const ICMPV6_PARAMPROB = 4;
const ICMPV6_ECHO_REQUEST = 128;
const ICMPV6_ECHO_REPLY = 129;

/** %pI6: eight groups of four digits. */
function fullAddress(v: DataView, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => v.getUint16(at + 2 * i));
  return groups.map((group) => group.toString(16).padStart(4, '0')).join(':');
}

/** The packet whose header is at `at`; `outer`: not one that an ICMPv6 error quotes. */
export function logIpv6(logged: Logged, at: number, outer: boolean): string {
  const { pkt, end } = logged;
  const v = pkt.view;
  if (end - at < ipv6.HEADER_LEN) return 'TRUNCATED';
  const length = ipv6.payloadLength(v, at) + ipv6.HEADER_LEN;
  const head =
    `SRC=${fullAddress(v, at + 8)} DST=${fullAddress(v, at + 24)} LEN=${length} TC=${ipv6.trafficClass(v, at)} ` +
    `HOPLIMIT=${ipv6.hopLimit(v, at)} FLOWLBL=${ipv6.flowLabel(v, at)} `;
  const walk = extensions(logged, ipv6.nextHeader(v, at), at + ipv6.HEADER_LEN);
  if (walk.header < 0) return head + walk.text;
  const { text, whole } = transport(logged, walk, outer);
  const trailer = whole && outer ? owner(logged) + mark(pkt) : '';
  return head + walk.text + text + trailer;
}

interface Walk {
  readonly text: string;
  /** The transport, or -1 when the line ends with the text. */
  readonly header: number;
  readonly at: number;
  readonly later: boolean;
}

function extensions(logged: Logged, first: number, from: number): Walk {
  const { pkt, flags, end } = logged;
  const v = pkt.view;
  const verbose = (flags & LOG_IPOPT) !== 0;
  let [header, at, text, later] = [first, from, '', false];
  const stop = (more: string): Walk => ({ text: text + more, header: -1, at, later });
  while (header !== ext.NONE && (ext.isExtension(header) || header === ipv4.ESP)) {
    if (end - at < 2) return stop('TRUNCATED');
    if (verbose) text += 'OPT ( ';
    if (header === ext.FRAGMENT) {
      if (end - at < ext.FRAGMENT_LEN) return stop('FRAG:TRUNCATED ');
      text += `FRAG:${ext.fragmentOffset(v, at)} ${ext.hasMore(v, at) ? 'INCOMPLETE ' : ''}`;
      text += `ID:${ext.fragmentId(v, at).toString(16).padStart(8, '0')} `;
      later ||= ext.fragmentOffset(v, at) !== 0;
    } else if (header === ext.AUTH || header === ipv4.ESP) {
      const [name, bytes, offset, close] = header === ext.AUTH ? ['AH ', 12, 4, ''] : ['ESP ', 8, 0, ')'];
      if (verbose) {
        text += name;
        if (later) return stop(')');
        if (end - at < bytes) return stop(`INCOMPLETE [${end - at} bytes] )`);
        text += `SPI=0x${v.getUint32(at + offset).toString(16)} ${close}`;
      }
      if (header === ipv4.ESP) return stop('');
    } else if (later) return stop(verbose ? ')' : '');
    if (verbose) text += ') ';
    const length = ext.headerLength(v, at, header);
    header = ext.nextHeader(v, at);
    at += length;
  }
  return { text, header, at, later };
}

function transport(logged: Logged, { header, at, later }: Walk, outer: boolean): { text: string; whole: boolean } {
  switch (header) {
    case ipv4.TCP:
      return logTcp(logged, at, later);
    case ipv4.UDP:
    case ipv4.UDPLITE:
      return logUdp(logged, header, at, later);
    case ipv4.ICMPV6:
      return later ? { text: 'PROTO=ICMPv6 ', whole: true } : message(logged, at, outer);
    default:
      return { text: `PROTO=${header} `, whole: true };
  }
}

function message(logged: Logged, at: number, outer: boolean): { text: string; whole: boolean } {
  const v = logged.pkt.view;
  const bytes = logged.end - at;
  if (bytes < 8) return { text: `PROTO=ICMPv6 INCOMPLETE [${bytes} bytes] `, whole: false };
  const type = v.getUint8(at);
  let text = `PROTO=ICMPv6 TYPE=${type} CODE=${v.getUint8(at + 1)} `;
  if (type === ICMPV6_ECHO_REQUEST || type === ICMPV6_ECHO_REPLY)
    text += `ID=${v.getUint16(at + 4)} SEQ=${v.getUint16(at + 6)} `;
  if (type === ICMPV6_PARAMPROB)
    text += `POINTER=${v
      .getUint32(at + 4)
      .toString(16)
      .padStart(8, '0')} `;
  if (type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB) {
    if (outer) text += `[${logIpv6(logged, at + 8, false)}] `;
    if (type === ICMPV6_PKT_TOOBIG) text += `MTU=${v.getUint32(at + 4)} `;
  }
  return { text, whole: true };
}
