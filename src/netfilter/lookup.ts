/**
 * Which rules of a chain a packet can match at all: tuple space search. Rules with the same fields under the same masks form a
 * group; a hash of the packet's fields finds those of a group, in order. What is found is compared in full, so two keys may
 * share a hash. Only fields that a rule compares before anything with an effect of its own are keys. @module
 */
import type { Packet } from '../packet/packet.ts';
import * as tcpHeader from '../packet/tcp.ts';
import * as udpHeader from '../packet/udp.ts';
import { boundPorts } from './bound-ports.ts';
import { type CompiledChain, type Program, STRIDE } from './compile.ts';
import type { AddressTest, Rule } from './rule.ts';

/** `linear` visits rules as the kernel does; `indexed` skips those that cannot match. Nothing else differs. */
export type Lookup = 'linear' | 'indexed';

/** Shorter chains are walked. */
const MIN_RULES = 8;
/** Groups of a chain; the rules of smaller ones are compared with every packet. */
export const MAX_GROUPS = 8;

const TCP = 6;
const UDP = 17;

/** Which fields a group compares. */
interface Shape {
  readonly src: readonly number[] | null;
  readonly dst: readonly number[] | null;
  readonly protocol: boolean;
  readonly port: boolean;
}

interface Key {
  readonly shape: Shape;
  /** One hash for each destination port, one in all when there is none. */
  readonly hashes: readonly number[];
}

/** Rules of one shape: open addressing from the hash of a key to its first entry. */
interface Group {
  readonly shape: Shape;
  readonly hashes: Int32Array;
  readonly heads: Int32Array;
}

interface IndexedChain {
  readonly groups: readonly Group[];
  /** The row after its last rule. */
  readonly end: number;
}

const NOTHING: Shape = { src: null, dst: null, protocol: false, port: false };

const mix = (hash: number, value: number): number => {
  const product = Math.imul(hash ^ value, 0x9e3779b1);
  return product ^ (product >>> 15);
};

/** The mask of a test that is a key: neither inverted nor true of everything. */
const keyMask = (test: AddressTest | null): readonly number[] | null =>
  test === null || test.invert || test.mask.every((word) => word === 0) ? null : test.mask;

function keyOf(rule: Rule): Key {
  const ports = boundPorts(rule);
  const shape: Shape = {
    src: keyMask(rule.src),
    dst: keyMask(rule.dst),
    protocol: rule.protocol !== 0 && !rule.invertProtocol,
    port: ports !== null,
  };
  let hash = 0;
  if (shape.src !== null) for (const word of rule.src!.words) hash = mix(hash, word);
  if (shape.dst !== null) for (const word of rule.dst!.words) hash = mix(hash, word);
  if (shape.protocol) hash = mix(hash, rule.protocol);
  return { shape, hashes: ports === null ? [hash] : [...new Set(ports)].map((port) => mix(hash, port)) };
}

const shapeName = ({ src, dst, protocol, port }: Shape): string => `${src} ${dst} ${protocol} ${port}`;

/** The shapes of a chain that most rules have; null when nothing would be gained. */
function chooseShapes(keys: readonly Key[]): ReadonlySet<string> | null {
  const counts = new Map<string, number>();
  for (const { shape } of keys) counts.set(shapeName(shape), (counts.get(shapeName(shape)) ?? 0) + 1);
  counts.delete(shapeName(NOTHING));
  if (counts.size === 0) return null;
  const best = [...counts].sort(([, a], [, b]) => b - a).slice(0, MAX_GROUPS);
  return new Set(best.map(([name]) => name));
}

/** Lists of rows, each ending in entry 0. */
class Entries {
  /** The row of entry 0 is beyond every other. */
  readonly rows: number[] = [0x7fffffff];
  readonly next: number[] = [0];

  /** Make a list of rows. @returns its first entry */
  list(rows: readonly number[]): number {
    const first = this.rows.length;
    rows.forEach((row, i) => {
      this.rows.push(row);
      this.next.push(i === rows.length - 1 ? 0 : first + i + 1);
    });
    return rows.length === 0 ? 0 : first;
  }
}

function makeGroup(shape: Shape, lists: ReadonlyMap<number, number[]>, entries: Entries): Group {
  let size = 1;
  while (size < 2 * lists.size) size *= 2;
  const hashes = new Int32Array(size);
  const heads = new Int32Array(size);
  for (const [hash, rows] of lists) {
    let slot = hash & (size - 1);
    while (heads[slot] !== 0) slot = (slot + 1) & (size - 1);
    hashes[slot] = hash;
    heads[slot] = entries.list(rows);
  }
  return { shape, hashes, heads };
}

function indexChain({ chain, start, end }: CompiledChain, entries: Entries): IndexedChain | null {
  if (chain.rules.length < MIN_RULES) return null;
  const keys = chain.rules.map(({ rule }) => keyOf(rule));
  const shapes = chooseShapes(keys);
  if (shapes === null) return null;
  const groups = new Map<string, { shape: Shape; lists: Map<number, number[]> }>();
  keys.forEach((key, i) => {
    const keyed = shapes.has(shapeName(key.shape));
    const shape = keyed ? key.shape : NOTHING;
    const group = groups.get(shapeName(shape)) ?? { shape, lists: new Map<number, number[]>() };
    groups.set(shapeName(shape), group);
    for (const hash of new Set(keyed ? key.hashes : [0])) {
      const rows = group.lists.get(hash);
      if (rows === undefined) group.lists.set(hash, [start + i]);
      else rows.push(start + i);
    }
  });
  return { groups: [...groups.values()].map(({ shape, lists }) => makeGroup(shape, lists, entries)), end };
}

/** The indexes of a table's chains. Shared as the program is. */
export class TableIndex {
  /** By first row of a chain: its number here, -1 when it is walked. */
  readonly chainAt: Int32Array;
  readonly chains: readonly IndexedChain[];
  readonly entryRow: Int32Array;
  readonly entryNext: Int32Array;
  /** Words of an address, and where source and destination stand in the header. */
  private readonly words: number;
  private readonly srcAt: number;
  private readonly dstAt: number;

  constructor(program: Program) {
    const six = program.family === 'ipv6';
    this.words = six ? 4 : 1;
    this.srcAt = six ? 8 : 12;
    this.dstAt = six ? 24 : 16;
    const entries = new Entries();
    const chains: IndexedChain[] = [];
    this.chainAt = new Int32Array(program.rows.length / STRIDE).fill(-1);
    for (const chain of program.chains) {
      const indexed = indexChain(chain, entries);
      if (indexed !== null) this.chainAt[chain.start] = chains.push(indexed) - 1;
    }
    this.chains = chains;
    this.entryRow = Int32Array.from(entries.rows);
    this.entryNext = Int32Array.from(entries.next);
  }

  /**
   * Put the first entry of each group of a chain that `pkt` may match into `cursors`, from `base` on.
   * @returns the place behind the last. Runs per packet: no allocation.
   */
  open(chain: number, pkt: Packet, protocol: number, cursors: Int32Array, base: number): number {
    const { groups } = this.chains[chain]!;
    const port = protocol === TCP || protocol === UDP ? destinationPort(pkt, protocol) : -1;
    let top = base;
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i]!;
      if (group.shape.port && port < 0) continue;
      const entry = find(group, this.hash(group.shape, pkt, protocol, port));
      if (entry !== 0) cursors[top++] = entry;
    }
    return top;
  }

  private hash(shape: Shape, pkt: Packet, protocol: number, port: number): number {
    const { view, l3 } = pkt;
    let hash = 0;
    if (shape.src !== null)
      for (let i = 0; i < this.words; i++) hash = mix(hash, view.getInt32(l3 + this.srcAt + 4 * i) & shape.src[i]!);
    if (shape.dst !== null)
      for (let i = 0; i < this.words; i++) hash = mix(hash, view.getInt32(l3 + this.dstAt + 4 * i) & shape.dst[i]!);
    if (shape.protocol) hash = mix(hash, protocol);
    return shape.port ? mix(hash, port) : hash;
  }
}

function find({ hashes, heads }: Group, hash: number): number {
  const last = heads.length - 1;
  for (let slot = hash & last; heads[slot] !== 0; slot = (slot + 1) & last) {
    if (hashes[slot] === hash) return heads[slot]!;
  }
  return 0;
}

/**
 * Are all fields there that a key may be made of? A packet whose transport header is cut or not found, and a later fragment,
 * is compared with every rule in full: a match may drop it for that.
 */
export function hasKey(pkt: Packet, protocol: number, fragmentOffset: number): boolean {
  if (fragmentOffset !== 0 || protocol < 0) return false;
  if (protocol === TCP) return pkt.l4 + tcpHeader.HEADER_LEN <= pkt.end;
  return protocol !== UDP || pkt.l4 + udpHeader.HEADER_LEN <= pkt.end;
}

/** The destination port of a packet that {@link hasKey}, 0 when its protocol has none. */
export const destinationPort = (pkt: Packet, protocol: number): number =>
  protocol === TCP || protocol === UDP ? pkt.view.getUint16(pkt.l4 + 2) : 0;

const indexes = new WeakMap<Program, TableIndex>();

/** The index of a program; the same object for the same program. */
export function indexOf(program: Program): TableIndex {
  const known = indexes.get(program) ?? new TableIndex(program);
  indexes.set(program, known);
  return known;
}
