/** How many connections there are of one kind, the kind being some words: net/netfilter/nf_conncount.c. @module */
import type { Conntrack } from '../conntrack/conntrack.ts';
import { CLOSE, TIME_WAIT } from '../conntrack/tcp-state.ts';
import { Tuple } from '../conntrack/tuple.ts';
import { TCP } from '../packet/ipv4.ts';

/** One connection that was counted. */
interface Counted {
  readonly tuple: Tuple;
  zone: number;
  zoneDir: number;
}

interface Kind {
  readonly key: Int32Array;
  connections: Counted[];
}

/** What is looked at in one go before the rest waits for the next packet: CONNCOUNT_GC_MAX_NODES. */
const MAX_COLLECTED = 8;

/** Counts by key. One per rule and namespace; what is closed or gone is forgotten when its kind is counted again. */
export class ConnectionCount {
  private readonly conntrack: Conntrack;
  private readonly kinds = new Map<number, Kind[]>();

  constructor(conntrack: Conntrack) {
    this.conntrack = conntrack;
  }

  /** Connections with this key, the one with `tuple` included. A new connection takes its place here. */
  count(key: Int32Array, tuple: Tuple, zone: number, zoneDir: number): number {
    const kind = this.find(key);
    if (!this.collect(kind, tuple, zone, zoneDir)) {
      const copy = new Tuple();
      copy.copy(tuple);
      kind.connections.push({ tuple: copy, zone, zoneDir });
    }
    return kind.connections.length;
  }

  private find(key: Int32Array): Kind {
    let hash = 0;
    for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key[i]!) | 0;
    const list = this.kinds.get(hash);
    if (list !== undefined) {
      for (const kind of list) if (isEqual(kind.key, key)) return kind;
    }
    const kind: Kind = { key: key.slice(), connections: [] };
    if (list === undefined) this.kinds.set(hash, [kind]);
    else list.push(kind);
    return kind;
  }

  /** Forget connections that are over. @returns whether `tuple` is counted already */
  private collect(kind: Kind, tuple: Tuple, zone: number, zoneDir: number): boolean {
    const { connections } = kind;
    let kept = 0;
    let collected = 0;
    let known = false;
    for (let i = 0; i < connections.length; i++) {
      const counted = connections[i]!;
      const looking = !known && collected <= MAX_COLLECTED;
      const e = looking ? this.conntrack.find(counted.tuple, counted.zone, counted.zoneDir) : 0;
      if (looking && e >= 0) {
        known = counted.tuple.equals(tuple) && counted.zone === zone && counted.zoneDir === zoneDir;
      }
      if (looking && !known && (e < 0 || this.isClosed(e >>> 1))) collected++;
      else connections[kept++] = counted;
    }
    connections.length = kept;
    return known;
  }

  private isClosed(ct: number): boolean {
    const { table } = this.conntrack;
    return table.protocol[ct] === TCP && (table.state[ct] === TIME_WAIT || table.state[ct] === CLOSE);
  }
}

function isEqual(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
