/**
 * Options of the TCP header, RFC 9293 section 3.1, 7323, 2018. Found by offset on the data path, read and written as
 * objects elsewhere. @module
 */
import { PacketError } from './error.ts';
import { HEADER_LEN, headerLength } from './tcp.ts';

/** Kinds. */
export const EOL = 0;
export const NOP = 1;
export const MSS = 2;
export const WINDOW = 3;
export const SACK_PERM = 4;
export const SACK = 5;
export const TIMESTAMP = 8;
export const MD5SIG = 19;
export const AO = 29;
export const MPTCP = 30;
export const FASTOPEN = 34;

/**
 * Offset of the option `kind` of the TCP header at `at`, or -1: as tcp_parse_options walks (net/ipv4/tcp_input.c), up to
 * EOL or the first length that is under 2 or goes beyond the header. Runs per packet.
 */
export function find(v: DataView, at: number, kind: number): number {
  const end = at + headerLength(v, at);
  let i = at + HEADER_LEN;
  while (i < end) {
    const found = v.getUint8(i);
    if (found === EOL) return -1;
    if (found !== NOP) {
      const length = i + 1 < end ? v.getUint8(i + 1) : 0;
      if (length < 2 || length > end - i) return -1;
      if (found === kind) return i;
      i += length;
    } else i++;
  }
  return -1;
}

/** Bytes of the option at `i`, which {@link find} found; and its value, for those that have one. */
export const length = (v: DataView, i: number): number => v.getUint8(i + 1);
export const mss = (v: DataView, i: number): number => v.getUint16(i + 2);
export const windowScale = (v: DataView, i: number): number => v.getUint8(i + 2);
/** Sender's clock and the echo of the peer's, uint32. */
export const timestampValue = (v: DataView, i: number): number => v.getUint32(i + 2);
export const timestampEcho = (v: DataView, i: number): number => v.getUint32(i + 6);
/** Edges of SACK block `n`, uint32. */
export const sackLeft = (v: DataView, i: number, n: number): number => v.getUint32(i + 2 + 8 * n);
export const sackRight = (v: DataView, i: number, n: number): number => v.getUint32(i + 6 + 8 * n);

/** One option; `bytes` is the value of a kind that has no name here. */
export type Option =
  | { readonly kind: 'eol' | 'nop' | 'sackOK' }
  | { readonly kind: 'mss'; readonly mss: number }
  | { readonly kind: 'wscale'; readonly shift: number }
  | { readonly kind: 'sack'; readonly blocks: readonly (readonly [left: number, right: number])[] }
  | { readonly kind: 'timestamp'; readonly value: number; readonly echo: number }
  | { readonly kind: number; readonly bytes: Uint8Array };

/** Options as they stand in a header, to objects. @throws {PacketError} if a length lies. */
export function parse(bytes: Uint8Array): Option[] {
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const options: Option[] = [];
  for (let i = 0; i < bytes.length; ) {
    const kind = bytes[i]!;
    const size = kind <= NOP ? 1 : (bytes[i + 1] ?? 0);
    if (size < (kind <= NOP ? 1 : 2) || size > bytes.length - i)
      throw new PacketError('tcp', `option ${kind} of ${size} bytes`);
    options.push(parseOne(v, i, kind, size));
    i += size;
  }
  return options;
}

function parseOne(v: DataView, i: number, kind: number, size: number): Option {
  if (kind === EOL) return { kind: 'eol' };
  if (kind === NOP) return { kind: 'nop' };
  if (kind === SACK_PERM && size === 2) return { kind: 'sackOK' };
  if (kind === MSS && size === 4) return { kind: 'mss', mss: mss(v, i) };
  if (kind === WINDOW && size === 3) return { kind: 'wscale', shift: windowScale(v, i) };
  if (kind === TIMESTAMP && size === 10)
    return { kind: 'timestamp', value: timestampValue(v, i), echo: timestampEcho(v, i) };
  if (kind === SACK && size > 2 && size % 8 === 2) {
    const blocks = Array.from({ length: (size - 2) >>> 3 }, (_, n) => [sackLeft(v, i, n), sackRight(v, i, n)] as const);
    return { kind: 'sack', blocks };
  }
  return { kind, bytes: new Uint8Array(v.buffer, v.byteOffset + i + 2, size - 2).slice() };
}

/** Options to bytes, padded with EOL to a multiple of four. Inverse of {@link parse}, but for that padding. */
export function emit(options: readonly Option[]): Uint8Array {
  const bytes = options.flatMap(emitOne);
  while (bytes.length % 4 !== 0) bytes.push(EOL);
  return Uint8Array.from(bytes);
}

const word = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

function emitOne(option: Option): number[] {
  switch (option.kind) {
    case 'eol':
      return [EOL];
    case 'nop':
      return [NOP];
    case 'sackOK':
      return [SACK_PERM, 2];
    case 'mss':
      return [MSS, 4, option.mss >>> 8, option.mss & 255];
    case 'wscale':
      return [WINDOW, 3, option.shift];
    case 'timestamp':
      return [TIMESTAMP, 10, ...word(option.value), ...word(option.echo)];
    case 'sack':
      return [
        SACK,
        2 + 8 * option.blocks.length,
        ...option.blocks.flatMap(([from, to]) => [...word(from), ...word(to)]),
      ];
    default:
      return [option.kind, 2 + option.bytes.length, ...option.bytes];
  }
}
