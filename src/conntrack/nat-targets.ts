/**
 * The addresses that NAT targets find by themselves: nf_nat_masquerade.c, nf_nat_redirect.c and the netmap of xt_NETMAP.c. All
 * act on the first packet of a flow and give what {@link Nat.setup} says. @module
 */

import type { Device } from '../net/device.ts';
import { NF_ACCEPT, NF_DROP, OUTPUT, type Verdict } from '../net/hook.ts';
import { type In6, in6, isUsableFor, LOOPBACK as LOOPBACK6, readIn6 } from '../net/in6.ts';
import * as ip from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import type { Packet } from '../packet/packet.ts';
import type { Conntrack } from './conntrack.ts';
import { manipAt } from './nat.ts';
import { NatRange, RANGE_MAP_IPS } from './nat-range.ts';
import { MANIP_DST, MANIP_SRC, ORIGINAL } from './status.ts';
import { IPV4 } from './tuple.ts';

const LOOPBACK = 0x7f000001;

const destination = in6();

const chosen = new NatRange();

/** The flags and ports of `range`, and one address. */
function withAddress(range: NatRange, address: number): NatRange {
  chosen.flags = range.flags | RANGE_MAP_IPS;
  chosen.min = chosen.max = address;
  chosen.minProto = range.minProto;
  chosen.maxProto = range.maxProto;
  chosen.baseProto = range.baseProto;
  return chosen;
}

function withAddress6(range: NatRange, address: In6): NatRange {
  for (let i = 0; i < 3; i++) chosen.minHigh[i] = chosen.maxHigh[i] = address[i]!;
  return withAddress(range, address[3]!);
}

/** The source becomes `oif`'s own address towards the next hop; dropped when there is none. nf_nat_masquerade_ipv4. */
export function masquerade(conntrack: Conntrack, pkt: Packet, range: NatRange, oif: Device): Verdict {
  const { table, ns, nat } = conntrack;
  if (table.family[pkt.ct] !== IPV4) return masquerade6(conntrack, pkt, range, oif);
  // A source of 0.0.0.0 is DHCP's, and means to stay.
  if (table.src[2 * pkt.ct + ORIGINAL] === 0) return NF_ACCEPT;
  const address = ns.ip.selectSource(oif, pkt.nextHop);
  if (address === 0) return NF_DROP;
  table.masqIndex[pkt.ct] = oif.index;
  return nat.setup(pkt, withAddress(range, address), MANIP_SRC);
}

/** nf_nat_masquerade_ipv6. */
function masquerade6({ table, ns, nat }: Conntrack, pkt: Packet, range: NatRange, oif: Device): Verdict {
  const address = ns.ipv6?.selectSource(oif, pkt, pkt.l3 + ipv6.DST) ?? null;
  if (address === null) return NF_DROP;
  table.masqIndex[pkt.ct] = oif.index;
  return nat.setup(pkt, withAddress6(range, address), MANIP_SRC);
}

/** The destination becomes this host: `iif`'s first address, or 127.0.0.1 for a packet made here. nf_nat_redirect_ipv4. */
export function redirect(conntrack: Conntrack, pkt: Packet, range: NatRange, hook: number, iif: Device): Verdict {
  if (conntrack.table.family[pkt.ct] !== IPV4) return redirect6(conntrack, pkt, range, hook, iif);
  const address = hook === OUTPUT ? LOOPBACK : conntrack.ns.ip.firstAddress(iif);
  return address === 0 ? NF_DROP : conntrack.nat.setup(pkt, withAddress(range, address), MANIP_DST);
}

/** nf_nat_redirect_ipv6: the first address of the device that has the destination's scope, or ::1. */
function redirect6({ nat, ns }: Conntrack, pkt: Packet, range: NatRange, hook: number, iif: Device): Verdict {
  const dst = readIn6(pkt.view, pkt.l3 + ipv6.DST, destination);
  const own = ns.ipv6?.addresses.of(iif).find(({ address }) => isUsableFor(address, dst));
  const address = hook === OUTPUT ? LOOPBACK6 : own?.address;
  return address === undefined ? NF_DROP : nat.setup(pkt, withAddress6(range, address), MANIP_DST);
}

/** The network part of an address becomes that of the range, the host part stays. xt_NETMAP. */
export function netmap(conntrack: Conntrack, pkt: Packet, range: NatRange, hook: number): Verdict {
  const { view: v, l3 } = pkt;
  const mask = ~(range.min ^ range.max);
  const manip = manipAt(hook);
  if (conntrack.table.family[pkt.ct] !== IPV4) return netmap6(conntrack, pkt, range, manip);
  const address = manip === MANIP_DST ? ip.dst(v, l3) : ip.src(v, l3);
  return conntrack.nat.setup(pkt, withAddress(range, (address & ~mask) | (range.min & mask)), manip);
}

function netmap6(conntrack: Conntrack, pkt: Packet, range: NatRange, manip: number): Verdict {
  const { view: v } = pkt;
  const at = pkt.l3 + (manip === MANIP_DST ? ipv6.DST : ipv6.SRC);
  for (let i = 0; i < 3; i++) {
    const mask = ~(range.minHigh[i]! ^ range.maxHigh[i]!);
    chosen.minHigh[i] = chosen.maxHigh[i] = (v.getInt32(at + 4 * i) & ~mask) | (range.minHigh[i]! & mask);
  }
  const mask = ~(range.min ^ range.max);
  const low = (v.getInt32(at + 12) & ~mask) | (range.min & mask);
  return conntrack.nat.setup(pkt, withAddress(range, low), manip);
}
