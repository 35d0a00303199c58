/** `-m sctp`: ports and chunk types of an SCTP packet; net/netfilter/xt_sctp.c. @module */
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

/** A chunk type with flags that must be set or clear. */
export interface Chunk {
  readonly type: number;
  readonly flags: number;
  readonly mask: number;
}

export interface Sctp {
  readonly sport: PortTest | null;
  readonly dport: PortTest | null;
  readonly chunks: {
    readonly which: 'all' | 'any' | 'only';
    /** In the order of their numbers; 'ALL' is every number. */
    readonly types: readonly Chunk[] | 'ALL';
    readonly invert: boolean;
  } | null;
}

const TYPES: Readonly<Record<string, number>> = {
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  SACK: 3,
  HEARTBEAT: 4,
  HEARTBEAT_ACK: 5,
  ABORT: 6,
  SHUTDOWN: 7,
  SHUTDOWN_ACK: 8,
  ERROR: 9,
  COOKIE_ECHO: 10,
  COOKIE_ACK: 11,
  ECN_ECNE: 12,
  ECN_CWR: 13,
  SHUTDOWN_COMPLETE: 14,
  I_DATA: 64,
  ASCONF_ACK: 128,
  RE_CONFIG: 130,
  PAD: 132,
  FORWARD_TSN: 192,
  ASCONF: 193,
  I_FORWARD_TSN: 194,
};

/** The letters of a chunk's flags, highest bit first. */
const FLAGS: Readonly<Record<number, string>> = { 0: '----IUBE', 64: '----IUBE', 6: '-------T', 14: '-------T' };

const HEADER_LEN = 12;
const CHUNK_HEADER_LEN = 4;
const WHICH = ['', 'any', 'all', 'only'] as const;
const [ANY, ALL, ONLY] = [1, 2, 3] as const;

/** Places in the integers: two port tests of 4, then the chunks. */
const [MODE, INVERT, MAP, COUNT, LIST] = [8, 9, 10, 18, 19] as const;

function parseChunk(given: Given, text: string): Chunk {
  const [name, letters = ''] = text.split(':');
  const type = TYPES[name!.toUpperCase()];
  if (type === undefined)
    return given.fail(`chunk type ${name}, expected one of ${Object.keys(TYPES).join(', ')}`, 'chunk-types');
  let [flags, mask] = [0, 0];
  for (const letter of letters) {
    const i = (FLAGS[type] ?? '').indexOf(letter.toUpperCase());
    if (i < 0 || letter === '-')
      given.fail(`flag ${letter} of chunk type ${name}, expected one of ${FLAGS[type] ?? 'none'}`, 'chunk-types');
    mask |= 0x80 >> i;
    if (letter === letter.toUpperCase()) flags |= 0x80 >> i;
  }
  return { type, flags, mask };
}

function parseChunks(given: Given): Sctp['chunks'] {
  if (!given.has('chunk-types')) return null;
  const [which, list] = [given.text('chunk-types').toLowerCase(), given.text('chunk-types', 1)];
  const invert = given.inverted('chunk-types');
  if (which !== 'all' && which !== 'any' && which !== 'only')
    return given.fail(`${which}, expected all, any or only`, 'chunk-types');
  if (list.toUpperCase() === 'ALL') return { which, types: 'ALL', invert };
  if (list.toUpperCase() === 'NONE') return { which, types: [], invert };
  const types = new Map(list.split(',').map((text) => [parseChunk(given, text).type, parseChunk(given, text)]));
  return { which, types: [...types.values()].sort((a, b) => a.type - b.type), invert };
}

function formatChunk({ type, flags, mask }: Chunk): string {
  const name = Object.keys(TYPES).find((key) => TYPES[key] === type)!;
  if (mask === 0) return name;
  const letters = [...FLAGS[type]!].map((letter, i) => {
    if ((mask & (0x80 >> i)) === 0) return '';
    return (flags & (0x80 >> i)) !== 0 ? letter : letter.toLowerCase();
  });
  return `${name}:${letters.join('')}`;
}

function formatChunks(chunks: Sctp['chunks']): string[] {
  if (chunks === null) return [];
  const list = chunks.types === 'ALL' ? 'ALL' : chunks.types.map(formatChunk).join(',') || 'NONE';
  return [`${bang(chunks.invert)}--chunk-types ${chunks.which} ${list}`];
}

/** Eight words, a bit per type. */
function chunkMap(types: readonly Chunk[] | 'ALL'): number[] {
  if (types === 'ALL') return new Array<number>(8).fill(-1);
  const map = new Array<number>(8).fill(0);
  for (const { type } of types) map[type >> 5]! |= 1 << (type & 31);
  return map;
}

export const sctp: Match<Sctp> = {
  name: 'sctp',
  protocols: [132],
  options: [...PORT_OPTIONS, { name: 'chunk-types', words: 2, invert: true }],
  parse: (given) => ({
    sport: parseGivenPorts(given, 'sport'),
    dport: parseGivenPorts(given, 'dport'),
    chunks: parseChunks(given),
  }),
  format: ({ sport, dport, chunks }) =>
    [...formatGivenPorts('sport', sport), ...formatGivenPorts('dport', dport), ...formatChunks(chunks)].join(' '),
  compile({ sport, dport, chunks }) {
    const ports = [...compilePorts(sport), ...compilePorts(dport)];
    if (chunks === null) return [...ports, 0];
    const flagged = chunks.types === 'ALL' ? [] : chunks.types.filter(({ mask }) => mask !== 0);
    const list = flagged.flatMap(({ type, flags, mask }) => [type, flags, mask]);
    const head = [WHICH.indexOf(chunks.which), Number(chunks.invert), ...chunkMap(chunks.types)];
    return [...ports, ...head, flagged.length, ...list];
  },
  test(args, at, pkt, scope) {
    if (!hasHeader(pkt, scope, HEADER_LEN)) return false;
    if (!testPorts(args, at, pkt)) return false;
    if (args[at + MODE] === 0) return true;
    return testChunks(args, at, pkt, scope) !== (args[at + INVERT] === 1);
  },
};

/** Types of `all` that were not seen yet. */
const unseen = new Int32Array(8);

/** match_packet. */
function testChunks(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  const { view, end } = pkt;
  const mode = args[at + MODE]!;
  for (let i = 0; i < 8; i++) unseen[i] = args[at + MAP + i]!;
  let chunk = pkt.l4 + HEADER_LEN;
  do {
    const length = chunk + CHUNK_HEADER_LEN > end ? 0 : view.getUint16(chunk + 2);
    if (length === 0) {
      scope.hotdrop = true;
      return false;
    }
    const type = view.getUint8(chunk);
    const listed = (args[at + MAP + (type >> 5)]! & (1 << (type & 31))) !== 0;
    const wanted = listed && flagsMatch(args, at, type, view.getUint8(chunk + 1));
    if (mode === ANY && wanted) return true;
    if (mode === ONLY && !wanted) return false;
    if (mode === ALL && wanted) unseen[type >> 5]! &= ~(1 << (type & 31));
    chunk += (length + 3) & ~3;
  } while (chunk < end);
  if (mode !== ALL) return mode === ONLY;
  for (let i = 0; i < 8; i++) if (unseen[i] !== 0) return false;
  return true;
}

function flagsMatch(args: Int32Array, at: number, type: number, flags: number): boolean {
  const last = at + LIST + 3 * args[at + COUNT]!;
  for (let i = at + LIST; i < last; i += 3) {
    if (args[i] === type) return (flags & args[i + 2]!) === args[i + 1];
  }
  return true;
}
