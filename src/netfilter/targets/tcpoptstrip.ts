/** `-j TCPOPTSTRIP`: overwrite TCP options with NOPs, net/netfilter/xt_TCPOPTSTRIP.c. @module */
import { geometryPull } from '../../net/geometry.ts';
import { NF_DROP } from '../../net/hook.ts';
import type { Packet } from '../../packet/packet.ts';
import * as tcp from '../../packet/tcp.ts';
import { NOP } from '../../packet/tcp-options.ts';
import { type Given, type Target, XT_CONTINUE } from '../extension.ts';
import { boundedUint } from '../number.ts';

const NAMES: Readonly<Record<string, number>> = {
  wscale: 3,
  mss: 2,
  'sack-permitted': 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
};

export interface TcpOptStrip {
  /** Kinds, ascending. */
  readonly kinds: readonly number[];
}

function parseKind(given: Given, word: string): number {
  const kind = NAMES[word] ?? boundedUint(word, 255);
  const expected = `2-255 or one of ${Object.keys(NAMES).join(', ')}`;
  return kind === undefined || kind < 2
    ? given.fail(`TCP option ${word}, expected ${expected}`, 'strip-options')
    : kind;
}

export const tcpoptstrip: Target<TcpOptStrip> = {
  name: 'TCPOPTSTRIP',
  tables: ['mangle'],
  protocols: [6],
  options: [{ name: 'strip-options' }],
  parse(given) {
    const words = given.has('strip-options') ? given.text('strip-options').split(',') : [];
    return { kinds: [...new Set(words.map((word) => parseKind(given, word)))].sort((a, b) => a - b) };
  },
  format: ({ kinds }) => (kinds.length === 0 ? '' : `--strip-options ${kinds.join(',')}`),
  /** A bitmap of 256 bits. */
  compile({ kinds }) {
    const bitmap = new Int32Array(8);
    for (const kind of kinds) bitmap[kind >>> 5]! |= 1 << (kind & 31);
    return [...bitmap];
  },
  run(args, at, pkt, scope) {
    if (scope.fragmentOffset !== 0) return XT_CONTINUE;
    const { view, l4, end } = pkt;
    if (l4 + tcp.HEADER_LEN > end) return NF_DROP;
    const length = tcp.headerLength(view, l4);
    if (length < tcp.HEADER_LEN || l4 + length > end) return NF_DROP;
    geometryPull(pkt, l4, length);
    for (let i = tcp.HEADER_LEN; i < length - 1; ) {
      const kind = view.getUint8(l4 + i);
      const size = kind <= NOP ? 1 : view.getUint8(l4 + i + 1) || 1;
      if (i + size > length) break;
      if (((args[at + (kind >>> 5)]! >>> (kind & 31)) & 1) !== 0) strip(pkt, i, size);
      i += size;
    }
    return XT_CONTINUE;
  },
};

/** `size` bytes, `from` bytes into the header. Runs per packet. */
function strip(pkt: Packet, from: number, size: number): void {
  const { view, l4 } = pkt;
  for (let i = from; i < from + size; i++) {
    const shift = i % 2 === 0 ? 8 : 0;
    tcp.adjustChecksum16(view, l4, view.getUint8(l4 + i) << shift, NOP << shift);
    view.setUint8(l4 + i, NOP);
  }
}
