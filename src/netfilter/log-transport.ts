/** TCP and UDP headers in a line of the kernel's log: nf_log_dump_tcp_header and _udp_header, nf_log_syslog.c. @module */
import * as ipv4 from '../packet/ipv4.ts';
import { FLAG_SOCKET, type Packet } from '../packet/packet.ts';
import * as tcp from '../packet/tcp.ts';
import * as udp from '../packet/udp.ts';
import { LOG_TCPOPT, LOG_TCPSEQ, LOG_UID, type Logged } from './log-flags.ts';

/** In the order in which they are printed. */
const TCP_FLAGS: readonly (readonly [string, number])[] = [
  ['CWR', tcp.CWR],
  ['ECE', tcp.ECE],
  ['URG', tcp.URG],
  ['ACK', tcp.ACK],
  ['PSH', tcp.PSH],
  ['RST', tcp.RST],
  ['SYN', tcp.SYN],
  ['FIN', tcp.FIN],
];

/** A header's words, and whether it was whole: if not, nothing follows. */
export interface TransportText {
  readonly text: string;
  readonly whole: boolean;
}

/** Bytes as upper-case hexadecimal digits. */
export const hexBytes = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');

const cut = (name: string, bytes: number): TransportText => ({
  text: `${name}INCOMPLETE [${bytes} bytes] `,
  whole: false,
});

/** The TCP header at `at`, as LOG prints it. */
export function logTcp({ pkt, flags, end }: Logged, at: number, laterFragment: boolean): TransportText {
  const name = 'PROTO=TCP ';
  if (laterFragment) return { text: name, whole: true };
  if (end - at < tcp.HEADER_LEN) return cut(name, end - at);
  const v = pkt.view;
  let text = `${name}SPT=${tcp.srcPort(v, at)} DPT=${tcp.dstPort(v, at)} `;
  if ((flags & LOG_TCPSEQ) !== 0) text += `SEQ=${tcp.seq(v, at)} ACK=${tcp.ack(v, at)} `;
  const reserved = ((tcp.reserved(v, at) & 14) << 2).toString(16).padStart(2, '0');
  text += `WINDOW=${tcp.window(v, at)} RES=0x${reserved} `;
  if ((tcp.reserved(v, at) & 1) !== 0) text += 'AE ';
  for (const [flag, bit] of TCP_FLAGS) if ((tcp.flags(v, at) & bit) !== 0) text += `${flag} `;
  text += `URGP=${tcp.urgent(v, at)} `;
  const length = tcp.headerLength(v, at);
  if ((flags & LOG_TCPOPT) === 0 || length <= tcp.HEADER_LEN) return { text, whole: true };
  if (at + length > end) return { text: `${text}OPT (TRUNCATED)`, whole: false };
  return { text: `${text}OPT (${hexBytes(pkt.bytes.subarray(at + tcp.HEADER_LEN, at + length))}) `, whole: true };
}

/** The UDP or UDP-Lite header at `at`, as LOG prints it. */
export function logUdp({ pkt, end }: Logged, protocol: number, at: number, laterFragment: boolean): TransportText {
  const name = protocol === ipv4.UDP ? 'PROTO=UDP ' : 'PROTO=UDPLITE ';
  if (laterFragment) return { text: name, whole: true };
  if (end - at < udp.HEADER_LEN) return cut(name, end - at);
  const v = pkt.view;
  return { text: `${name}SPT=${udp.srcPort(v, at)} DPT=${udp.dstPort(v, at)} LEN=${udp.length(v, at)} `, whole: true };
}

/** nf_log_dump_sk_uid_gid: a local process's packet is root's here. */
export const owner = ({ pkt, flags }: Logged): string =>
  (flags & LOG_UID) !== 0 && (pkt.flags & FLAG_SOCKET) !== 0 ? 'UID=0 GID=0 ' : '';

/** Unless it is 0. */
export const mark = (pkt: Packet): string => (pkt.mark === 0 ? '' : `MARK=0x${(pkt.mark >>> 0).toString(16)} `);
