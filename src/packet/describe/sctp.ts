/** SCTP as print-sctp.c of tcpdump prints it, on one line, without gap blocks and parameters. @module */
import * as sctp from '../sctp.ts';
import { cut, hexNumber, type Segment } from './segment.ts';

const CHUNKS: Readonly<Record<number, string>> = {
  0: 'DATA',
  1: 'INIT',
  2: 'INIT ACK',
  3: 'SACK',
  4: 'HB REQ',
  5: 'HB ACK',
  6: 'ABORT',
  7: 'SHUTDOWN',
  8: 'SHUTDOWN ACK',
  9: 'OP ERR',
  10: 'COOKIE ECHO',
  11: 'COOKIE ACK',
  12: 'ECN ECHO',
  13: 'CWR',
  14: 'SHUTDOWN COMPLETE',
  15: 'AUTH',
};
const PAYLOADS: Readonly<Record<number, string>> = { 1: 'ISDN Q', 2: 'M2UA', 3: 'M3UA', 4: 'SUA', 5: 'M2PA' };

/** `10.0.0.1.1000 > 10.0.0.2.2000: sctp (1) [COOKIE ACK]`. */
export function describeSctp(s: Segment): string {
  const { v, at, end, length } = s;
  if (length < sctp.HEADER_LEN) return `truncated-sctp - ${sctp.HEADER_LEN - length} bytes missing!`;
  if (end - at < sctp.HEADER_LEN) return cut('sctp');
  let text = `${s.src}.${sctp.srcPort(v, at)} > ${s.dst}.${sctp.dstPort(v, at)}: sctp`;
  let count = 0;
  for (let i = at + sctp.HEADER_LEN; i < at + length; i += (sctp.chunkLength(v, i) + 3) & ~3) {
    const bytes = end - i < sctp.CHUNK_HEADER_LEN ? Number.POSITIVE_INFINITY : sctp.chunkLength(v, i);
    if (bytes > end - i) return text + cut('sctp');
    text += `${count === 0 ? '' : ' ,'} (${++count}) `;
    if (bytes < sctp.CHUNK_HEADER_LEN) return `${text}[Bad chunk length ${bytes}, < size of chunk descriptor]`;
    text += chunk(v, i);
  }
  return text;
}

function chunk(v: DataView, i: number): string {
  const type = sctp.chunkType(v, i);
  const name = `[${CHUNKS[type] ?? `Unknown chunk type: ${hexNumber(type)}`}]`;
  const length = sctp.chunkLength(v, i);
  if (type === sctp.DATA && length >= 16) return name + data(v, i);
  if ((type === sctp.INIT || type === sctp.INIT_ACK) && length >= 20) return name + init(v, i);
  if (type === sctp.SACK && length >= 16) return name + sack(v, i);
  return name;
}

function data(v: DataView, i: number): string {
  const flags = sctp.chunkFlags(v, i);
  const marks = `${flags & 4 ? '(U)' : ''}${flags & 2 ? '(B)' : ''}${flags & 1 ? '(E)' : ''}`;
  const protocol = v.getUint32(i + 12);
  const order = `[SID: ${v.getUint16(i + 8)}] [SSEQ ${v.getUint16(i + 10)}]`;
  return ` ${marks}${marks && ' '}[TSN: ${v.getUint32(i + 4)}] ${order} [PPID ${PAYLOADS[protocol] ?? hexNumber(protocol)}]`;
}

function init(v: DataView, i: number): string {
  const streams = `[OS: ${v.getUint16(i + 12)}] [MIS: ${v.getUint16(i + 14)}]`;
  return ` [init tag: ${v.getUint32(i + 4)}] [rwnd: ${v.getUint32(i + 8)}] ${streams} [init TSN: ${v.getUint32(i + 16)}]`;
}

function sack(v: DataView, i: number): string {
  const counts = `[#gap acks ${v.getUint16(i + 12)}] [#dup tsns ${v.getUint16(i + 14)}]`;
  return ` [cum ack ${v.getUint32(i + 4)}] [a_rwnd ${v.getUint32(i + 8)}] ${counts}`;
}
