/** `-m ipv6header`: which extension headers a packet has, net/ipv6/netfilter/ip6t_ipv6header.c. @module */
import * as ipv4 from '../../packet/ipv4.ts';
import * as ipv6 from '../../packet/ipv6.ts';
import * as ext from '../../packet/ipv6-ext.ts';
import type { Packet } from '../../packet/packet.ts';
import { protocolNumber } from '../../packet/protocols.ts';
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';

/** Bits in the order in which they are printed; their short names; their protocol. */
const HEADERS: readonly (readonly [bit: number, name: string, short: string, protocol: number])[] = [
  [128, 'hop-by-hop', 'hop', ext.HOP],
  [64, 'ipv6-opts', 'dst', ext.DEST],
  [32, 'ipv6-route', 'route', ext.ROUTING],
  [16, 'ipv6-frag', 'frag', ext.FRAGMENT],
  [8, 'ah', 'auth', ext.AUTH],
  [4, 'esp', 'esp', ipv4.ESP],
  [2, 'ipv6-nonxt', 'none', ext.NONE],
  [1, 'protocol', 'prot', 255],
];
const PROTO = 1;
const NONE = 2;
const ESP = 4;

export interface Ipv6Header {
  readonly headers: number;
  readonly invert: boolean;
  /** These headers at least, not exactly these. */
  readonly soft: boolean;
}

const bitOf = (protocol: number): number => HEADERS.find(([, , , known]) => known === protocol)?.[0] ?? 0;

export const ipv6header: Match<Ipv6Header> = {
  name: 'ipv6header',
  families: ['ipv6'],
  options: [
    { name: 'header', invert: true, required: true },
    { name: 'soft', words: 0 },
  ],
  parse(given) {
    let headers = 0;
    for (const word of given.text('header').toLowerCase().split(',')) {
      const named = HEADERS.find(([, name, short]) => name === word || short === word);
      const bit = named?.[0] ?? bitOf(protocolNumber(word) ?? -1);
      if (bit === 0)
        given.fail(`header ${word}, expected one of ${HEADERS.map(([, name]) => name).join(', ')}`, 'header');
      headers |= bit;
    }
    return { headers, invert: given.inverted('header'), soft: given.has('soft') };
  },
  format({ headers, invert, soft }) {
    const names = HEADERS.filter(([bit]) => (headers & bit) !== 0).map(([, name]) => name);
    return `${bang(invert)}--header ${names.join(',')}${soft ? ' --soft' : ''}`;
  },
  compile: ({ headers, invert, soft }) => [headers, Number(invert), Number(soft)],
  test(args, at, pkt) {
    const present = headersOf(pkt);
    if (present < 0) return false;
    const wanted = args[at]!;
    const invert = args[at + 1] === 1;
    if (args[at + 2] === 1) return ((present ^ wanted ^ (invert ? 255 : 0)) & wanted) === 0;
    return (present === wanted) !== invert;
  },
};

/** The bits of a packet's headers, -1 when it ends within them. Runs per packet. */
function headersOf({ view, l3, end }: Packet): number {
  let header = ipv6.nextHeader(view, l3);
  let at = l3 + ipv6.HEADER_LEN;
  let bits = 0;
  while (ext.isExtension(header) || header === ipv4.ESP) {
    if (header === ext.NONE) return bits | NONE;
    if (end - at < 2) return -1;
    if (header === ipv4.ESP) return bits | ESP;
    bits |= bitOf(header);
    const length = ext.headerLength(view, at, header);
    header = ext.nextHeader(view, at);
    at += length;
    if (at > end) break;
  }
  return header === ext.NONE || header === ipv4.ESP ? bits : bits | PROTO;
}
