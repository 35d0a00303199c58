/** `-m dccp`: ports, packet types and options of a DCCP header; net/netfilter/xt_dccp.c. @module */
import type { Packet } from '../../packet/packet.ts';
import type { Evaluation, Given, Match } from '../extension.ts';
import { bang } from '../number.ts';
import {
  compilePorts,
  formatGivenPorts,
  PORT_OPTIONS,
  type PortTest,
  parseGivenPorts,
  testPorts,
} from '../port-match.ts';
import { hasHeader } from '../transport-header.ts';

export interface Dccp {
  readonly sport: PortTest | null;
  readonly dport: PortTest | null;
  /** Bits of packet types. */
  readonly types: { readonly bits: number; readonly invert: boolean } | null;
  readonly option: { readonly kind: number; readonly invert: boolean } | null;
}

const TYPES = [
  'REQUEST',
  'RESPONSE',
  'DATA',
  'ACK',
  'DATAACK',
  'CLOSEREQ',
  'CLOSE',
  'RESET',
  'SYNC',
  'SYNCACK',
  'INVALID',
] as const;

/** Bytes between the basic header and the options, by type: dccp_packet_hdr_len, include/linux/dccp.h. */
const TYPE_HEADER = [4, 12, 0, 8, 8, 8, 8, 12, 8, 8] as const;
/** Of types that do not exist: a RESET's. */
const OTHER_HEADER = 12;
const HEADER_LEN = 12;

/** Behind the tests of both ports. */
const [BITS, INVERT_TYPES, OPTION, INVERT_OPTION] = [8, 9, 10, 11] as const;

const INVALID = 1 << TYPES.indexOf('INVALID');

/** INVALID means every type from 10 to 15. */
const withReserved = (bits: number): number => ((bits & INVALID) === 0 ? bits : bits | (0x10000 - INVALID));

function parseTypes(given: Given): Dccp['types'] {
  if (!given.has('dccp-types')) return null;
  let bits = 0;
  for (const text of given.text('dccp-types').split(',')) {
    const i = (TYPES as readonly string[]).indexOf(text.toUpperCase());
    if (i < 0) given.fail(`DCCP type ${text}, expected one of ${TYPES.join(', ')}`, 'dccp-types');
    bits |= 1 << i;
  }
  return { bits, invert: given.inverted('dccp-types') };
}

export const dccp: Match<Dccp> = {
  name: 'dccp',
  protocols: [33],
  options: [...PORT_OPTIONS, { name: 'dccp-types', invert: true }, { name: 'dccp-option', invert: true }],
  parse: (given) => ({
    sport: parseGivenPorts(given, 'sport'),
    dport: parseGivenPorts(given, 'dport'),
    types: parseTypes(given),
    option: given.has('dccp-option')
      ? { kind: given.uint('dccp-option', 255, 1), invert: given.inverted('dccp-option') }
      : null,
  }),
  format({ sport, dport, types, option }) {
    const words = [...formatGivenPorts('sport', sport), ...formatGivenPorts('dport', dport)];
    if (types !== null) {
      words.push(
        `${bang(types.invert)}--dccp-types ${TYPES.filter((_, i) => (types.bits & (1 << i)) !== 0).join(',')}`,
      );
    }
    if (option !== null) words.push(`${bang(option.invert)}--dccp-option ${option.kind}`);
    return words.join(' ');
  },
  compile: ({ sport, dport, types, option }) => [
    ...compilePorts(sport),
    ...compilePorts(dport),
    types === null ? -1 : withReserved(types.bits),
    Number(types?.invert === true),
    option?.kind ?? 0,
    Number(option?.invert === true),
  ],
  test(args, at, pkt, scope) {
    if (!hasHeader(pkt, scope, HEADER_LEN)) return false;
    const { view, l4 } = pkt;
    if (!testPorts(args, at, pkt)) return false;
    const type = (view.getUint8(l4 + 8) >>> 1) & 15;
    if (((args[at + BITS]! & (1 << type)) !== 0) === (args[at + INVERT_TYPES] === 1)) return false;
    if (args[at + OPTION] === 0) return true;
    return hasOption(args[at + OPTION]!, type, pkt, scope) !== (args[at + INVERT_OPTION] === 1);
  },
};

/** dccp_find_option. */
function hasOption(kind: number, type: number, pkt: Packet, scope: Evaluation): boolean {
  const { view, l4 } = pkt;
  const extended = (view.getUint8(l4 + 8) & 1) !== 0;
  let at = l4 + HEADER_LEN + (extended ? 4 : 0) + (TYPE_HEADER[type] ?? OTHER_HEADER);
  const end = l4 + 4 * view.getUint8(l4 + 4);
  if (end === at) return false;
  if (end < at || end > pkt.end) {
    scope.hotdrop = true;
    return false;
  }
  while (at < end) {
    const option = view.getUint8(at);
    if (option === kind) return true;
    at += option < 2 || at + 1 >= end ? 1 : view.getUint8(at + 1) || 1;
  }
  return false;
}
