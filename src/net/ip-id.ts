/** IP identification of packets that this host makes: a counter per (source, destination, protocol), begun at random. @module */
import * as ipv4 from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import type { Random } from '../sim/random.ts';

const COUNTERS = 2048;

/** ip_idents_reserve, net/ipv4/route.c. Linux adds some more when time has passed; an increment of one is always possible. */
export class IpIds {
  private readonly counters = new Uint16Array(COUNTERS);
  private readonly key: number;

  constructor(random: Random) {
    this.key = random.u32() | 0;
    for (let i = 0; i < COUNTERS; i++) this.counters[i] = random.u32();
  }

  /** __ip_select_ident: give a packet the next id of its kind; the checksum is the caller's. */
  select({ view, l3 }: Packet): void {
    let hash = Math.imul(ipv4.src(view, l3) ^ this.key, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ ipv4.dst(view, l3), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ ipv4.protocol(view, l3), 0xc2b2ae35);
    const slot = (hash >>> 16) & (COUNTERS - 1);
    const id = this.counters[slot]!;
    this.counters[slot] = id + 1;
    ipv4.setId(view, l3, id);
  }
}
