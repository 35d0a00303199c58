/** TCP as print-tcp.c of tcpdump prints it: sequence numbers absolute, as with -S, and no guess at the payload. @module */
import * as tcp from '../tcp.ts';
import * as option from '../tcp-options.ts';
import { cut, endpoints, hex, hexNumber, type Segment } from './segment.ts';

/** Letters of the flags, lowest bit first. */
const LETTERS = 'FSRP.UEW';

const NAMES: Readonly<Record<number, string>> = {
  0: 'eol',
  1: 'nop',
  2: 'mss',
  3: 'wscale',
  4: 'sackOK',
  5: 'sack',
  6: 'echo',
  7: 'echoreply',
  8: 'TS',
  11: 'cc',
  12: 'ccnew',
  19: 'md5',
  20: 'scps',
  28: 'uto',
  29: 'tcp-ao',
  30: 'mptcp',
  34: 'tfo',
  254: 'exp',
};

/** `SYN|ACK` is `S.`; no flag is `none`. */
const flagText = (flags: number): string =>
  Array.from(LETTERS, (letter, bit) => ((flags >>> bit) & 1 ? letter : '')).join('') || 'none';

/** `10.0.0.1.40000 > 10.0.0.2.80: Flags [S], seq 1, win 64240, options [mss 1460], length 0`. */
export function describeTcp(s: Segment): string {
  const { v, at, end } = s;
  if (end - at < 4) return `${s.src} > ${s.dst}:${cut('tcp')}`;
  const who = endpoints(s, tcp.srcPort(v, at), tcp.dstPort(v, at));
  if (end - at < tcp.HEADER_LEN) return who + cut('tcp');
  const header = tcp.headerLength(v, at);
  if (header < tcp.HEADER_LEN)
    return `${who} tcp ${(s.length - header) >>> 0} [bad hdr length ${header} - too short, < ${tcp.HEADER_LEN}]`;
  const flags = `${who}Flags [${flagText(tcp.flags(v, at))}]`;
  if (header > s.length) return `${flags} [bad hdr length ${header} - too long, > ${s.length}]`;
  const text = flags + numbers(s, s.length - header);
  const length = `, length ${s.length - header}`;
  if (header === tcp.HEADER_LEN) return text + length;
  return `${text}, options [${optionText(v, at + tcp.HEADER_LEN, at + header, end, length)}`;
}

function numbers({ v, at }: Segment, data: number): string {
  const flags = tcp.flags(v, at);
  const seq = tcp.seq(v, at);
  let text = '';
  if (data > 0 || (flags & (tcp.SYN | tcp.FIN | tcp.RST)) !== 0)
    text += `, seq ${seq}${data > 0 ? `:${(seq + data) >>> 0}` : ''}`;
  if ((flags & tcp.ACK) !== 0) text += `, ack ${tcp.ack(v, at)}`;
  text += `, win ${tcp.window(v, at)}`;
  return (flags & tcp.URG) !== 0 ? `${text}, urg ${tcp.urgent(v, at)}` : text;
}

/** The options in [at, last), the closing bracket and `rest`; but nothing behind where they go wrong, or the bytes end. */
function optionText(v: DataView, at: number, last: number, end: number, rest: string): string {
  const texts: string[] = [];
  for (let i = at; i < last; ) {
    if (i >= end) return [...texts, cut('tcp')].join(',');
    const kind = v.getUint8(i);
    const short = kind <= option.NOP;
    if (!short && i + 1 >= end) return [...texts, cut('tcp')].join(',');
    const size = short ? 1 : v.getUint8(i + 1);
    if (size < (short ? 1 : 2) || size > last - i) return bad(texts, '');
    const name = NAMES[kind] ?? `unknown-${kind}`;
    if (size > end - i) return [...texts, name + cut('tcp')].join(',');
    const text = value(v, i, kind, size);
    if (text === undefined) return bad(texts, name);
    texts.push(name + text);
    i += size;
    if (kind === option.EOL) break;
  }
  return `${texts.join(',')}]${rest}`;
}

const bad = (texts: readonly string[], name: string): string =>
  [...texts, `${name}[bad opt]`].join(',') + (texts.length > 0 ? ']' : '');

/** The value of an option behind its name; undefined if it is too short for one. */
function value(v: DataView, i: number, kind: number, size: number): string | undefined {
  const wanted = VALUE_LEN[kind];
  if (wanted !== undefined && size - 2 < wanted) return undefined;
  const lies = wanted !== undefined && size - 2 !== wanted && kind > option.NOP ? `[len ${size}]` : '';
  switch (kind) {
    case option.EOL:
    case option.NOP:
    case option.SACK_PERM:
      return lies;
    case option.MSS:
      return ` ${option.mss(v, i)}${lies}`;
    case option.WINDOW:
      return ` ${option.windowScale(v, i)}${lies}`;
    case option.TIMESTAMP:
      return ` val ${option.timestampValue(v, i)} ecr ${option.timestampEcho(v, i)}${lies}`;
    case option.SACK:
      return sack(v, i, size);
    case option.FASTOPEN:
      return fastOpen(v, i + 2, i + size);
    case option.MD5SIG:
      return ` shared secret not supplied with -M, can't check - ${hex(v, i + 2, i + 18)}${lies}`;
    case ECHO:
    case ECHOREPLY:
    case CC:
    case CCNEW:
      return ` ${v.getUint32(i + 2)}${lies}`;
    case UTO:
      return uto(v.getUint16(i + 2)) + lies;
    default:
      return size > 2 ? ` 0x${hex(v, i + 2, i + size)}` : '';
  }
}

/** Obsolete options, RFC 1072 and 1644, each of one number. */
const ECHO = 6;
const ECHOREPLY = 7;
const CC = 11;
const CCNEW = 12;
const UTO = 28;
/** Bytes of value that a kind has. */
const VALUE_LEN: Readonly<Record<number, number>> = {
  [option.MSS]: 2,
  [option.WINDOW]: 1,
  [option.SACK_PERM]: 0,
  [option.TIMESTAMP]: 8,
  [ECHO]: 4,
  [ECHOREPLY]: 4,
  [CC]: 4,
  [CCNEW]: 4,
  [option.MD5SIG]: 16,
  [UTO]: 2,
};

function sack(v: DataView, i: number, size: number): string {
  if (size % 8 !== 2) return ' invalid sack';
  let text = ` ${(size - 2) / 8} `;
  for (let n = 0; n < (size - 2) / 8; n++) text += `{${option.sackLeft(v, i, n)}:${option.sackRight(v, i, n)}}`;
  return text;
}

/** A request for a cookie, or one: an even number of 4..16 bytes, RFC 7413. */
function fastOpen(v: DataView, at: number, end: number): string {
  const bytes = end - at;
  if (bytes === 0) return '  cookiereq';
  return bytes % 2 !== 0 || bytes < 4 || bytes > 16 ? '  (invalid)' : `  cookie ${hex(v, at, end)}`;
}

/** User timeout, RFC 5482: the lowest bit says minutes. */
const uto = (n: number): string => ` ${hexNumber(n)} ${n & 1 ? (n >>> 1) * 60 : n >>> 1}`;
