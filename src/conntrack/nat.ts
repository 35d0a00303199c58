/**
 * Network address translation of one namespace: net/netfilter/nf_nat_core.c and nf_nat_proto.c. The first packet of a flow
 * asks the registered rules what it becomes; every later one, and every ICMP error about it, is rewritten by the connection's
 * two tuples. @module
 */
import type { Device } from '../net/device.ts';
import {
  type HookEntry,
  INPUT,
  NF_ACCEPT,
  NF_DROP,
  OUTPUT,
  POSTROUTING,
  PREROUTING,
  PRI_NAT_DST,
  PRI_NAT_SRC,
  type Verdict,
} from '../net/hook.ts';
import { format4, format6 } from '../packet/address.ts';
import * as sum from '../packet/checksum.ts';
import * as icmp from '../packet/icmp.ts';
import * as ip from '../packet/ipv4.ts';
import * as ip6 from '../packet/ipv6.ts';
import type { Packet } from '../packet/packet.ts';
import type { Stage } from '../sim/trace.ts';
import { verify } from './checksum.ts';
import type { Connections } from './connections.ts';
import { Mangler } from './nat-mangle.ts';
import { NatRange, RANGE_MAP_IPS } from './nat-range.ts';
import { TupleChooser } from './nat-tuple.ts';
import {
  direction,
  type Family,
  IP_CT_ESTABLISHED,
  IP_CT_ESTABLISHED_REPLY,
  IP_CT_RELATED,
  IP_CT_RELATED_REPLY,
  IPS_CONFIRMED,
  IPS_DST_NAT,
  IPS_DST_NAT_DONE,
  IPS_NAT_DONE_MASK,
  IPS_NAT_MASK,
  IPS_SRC_NAT,
  IPS_SRC_NAT_DONE,
  MANIP_DST,
  MANIP_SRC,
  ORIGINAL,
  REPLY,
} from './status.ts';
import { IPV4, IPV6, Transport, Tuple } from './tuple.ts';

const REDIRECT6 = 137;

/** What is changed at a hook: HOOK2MANIP. */
export const manipAt = (hook: number): number => (hook === POSTROUTING || hook === INPUT ? MANIP_SRC : MANIP_DST);

const HOOKS = [PREROUTING, INPUT, OUTPUT, POSTROUTING] as const;

/** NAT of one namespace: what a new connection becomes, and every packet of it. */
export class Nat {
  private readonly connections: Connections;
  private readonly chooser: TupleChooser;
  private readonly mangler = new Mangler();
  private readonly transport = new Transport();
  private readonly current = new Tuple();
  private readonly chosen = new Tuple();
  private readonly target = new Tuple();
  private readonly nullRange = new NatRange();
  /** Rule lookups by family and hook; HOOKS.length of each family. */
  private readonly lookups: Readonly<Record<Family, HookEntry[][]>> = {
    ipv4: [[], [], [], [], []],
    ipv6: [[], [], [], [], []],
  };
  private readonly registered: Record<Family, (readonly [number, HookEntry])[]> = { ipv4: [], ipv6: [] };
  private readonly stage: Stage;

  constructor(connections: Connections) {
    this.connections = connections;
    this.chooser = new TupleChooser(connections);
    this.stage = {
      kind: 'nat',
      ns: connections.ns.name,
      describe: (ct, manip, from, to) => this.describe(ct, manip, from, to),
    };
  }

  /** Ask `entry`, a nat chain, about the first packet of each flow at `hook`. nf_nat_register_fn. */
  register(hook: number, entry: HookEntry, family: Family = 'ipv4'): void {
    if (this.registered[family].length === 0) this.hookIn(family);
    const list = this.lookups[family][hook]!;
    const at = list.findIndex((other) => other.priority > entry.priority);
    list.splice(at < 0 ? list.length : at, 0, entry);
  }

  /** Inverse of {@link register}. */
  unregister(hook: number, entry: HookEntry, family: Family = 'ipv4'): void {
    const lists = this.lookups[family];
    lists[hook] = lists[hook]!.filter((other) => other !== entry);
    if (lists.some((list) => list.length > 0)) return;
    const hooks = family === 'ipv4' ? this.connections.ns.hooks4 : this.connections.ns.hooks6;
    for (const [at, own] of this.registered[family]) hooks.unregister(at, own);
    this.registered[family] = [];
  }

  private hookIn(family: Family): void {
    const hooks = family === 'ipv4' ? this.connections.ns.hooks4 : this.connections.ns.hooks6;
    for (const hook of HOOKS) {
      const priority = manipAt(hook) === MANIP_SRC ? PRI_NAT_SRC : PRI_NAT_DST;
      const entry: HookEntry = { priority, run: (pkt, at, iif, oif) => this.run(pkt, at, iif, oif, family) };
      hooks.register(hook, entry);
      this.registered[family].push([hook, entry]);
    }
  }

  /** nf_nat_ipv4_pre_routing, _local_in, _local_fn and _out, and those of IPv6. Runs per packet: no allocation. */
  private run(pkt: Packet, hook: number, iif: Device, oif: Device, family: Family): Verdict {
    if (pkt.ct < 0) return NF_ACCEPT;
    const verdict = this.translate(pkt, hook, iif, oif, family);
    return hook === OUTPUT && verdict === NF_ACCEPT ? this.reroute(pkt, family) : verdict;
  }

  private translate(pkt: Packet, hook: number, iif: Device, oif: Device, family: Family): Verdict {
    const related = pkt.ctInfo === IP_CT_RELATED || pkt.ctInfo === IP_CT_RELATED_REPLY;
    if (related && this.isIcmp(pkt, family)) return this.translateError(pkt, hook) ? NF_ACCEPT : NF_DROP;
    return this.translateFlow(pkt, hook, iif, oif, family);
  }

  private isIcmp(pkt: Packet, family: Family): boolean {
    if (family === 'ipv4') return ip.protocol(pkt.view, pkt.l3) === ip.ICMP;
    return this.transport.find(pkt.view, pkt.l3, pkt.end, IPV6) && this.transport.protocol === ip.ICMPV6;
  }

  /** nf_nat_inet_fn. */
  private translateFlow(pkt: Packet, hook: number, iif: Device, oif: Device, family: Family): Verdict {
    const manip = manipAt(hook);
    const { table } = this.connections;
    const established = pkt.ctInfo === IP_CT_ESTABLISHED || pkt.ctInfo === IP_CT_ESTABLISHED_REPLY;
    if (established || this.isSetUp(pkt.ct, manip)) {
      if (this.hasMoved(pkt, hook, oif)) {
        this.connections.account(pkt.ct, pkt.ctInfo, pkt);
        this.connections.kill(pkt.ct, pkt);
        return NF_DROP;
      }
    } else {
      const verdict = this.ask(pkt, hook, iif, oif, family);
      if (verdict !== NF_ACCEPT) return verdict;
    }
    let bit = manip === MANIP_SRC ? IPS_SRC_NAT : IPS_DST_NAT;
    if (direction(pkt.ctInfo) === REPLY) bit ^= IPS_NAT_MASK;
    return (table.status[pkt.ct]! & bit) === 0 ? NF_ACCEPT : this.rewrite(pkt, manip);
  }

  /** The first packet: the rules say what becomes of its flow, or nothing does. */
  private ask(pkt: Packet, hook: number, iif: Device, oif: Device, family: Family): Verdict {
    const manip = manipAt(hook);
    const lookups = this.lookups[family][hook]!;
    for (let i = 0; i < lookups.length; i++) {
      const verdict = lookups[i]!.run(pkt, hook, iif, oif);
      if (verdict !== NF_ACCEPT) return verdict;
      if (this.isSetUp(pkt.ct, manip)) return NF_ACCEPT;
    }
    return this.setupNull(pkt, manip);
  }

  /** Is it decided what becomes of the flow's source, or destination? nf_nat_initialized. */
  isSetUp(ct: number, manip: number): boolean {
    return (this.connections.table.status[ct]! & (manip === MANIP_SRC ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE)) !== 0;
  }

  /** Does a masqueraded flow leave by another device than when it began? Its address there is another. nf_nat_oif_changed. */
  private hasMoved(pkt: Packet, hook: number, oif: Device): boolean {
    if (hook !== POSTROUTING || direction(pkt.ctInfo) !== ORIGINAL) return false;
    const index = this.connections.table.masqIndex[pkt.ct]!;
    return index !== 0 && index !== oif.index;
  }

  /**
   * Decide what the flow of a first packet becomes: its destination (MANIP_DST) or source, within the range. NF_DROP when it
   * was decided before. nf_nat_setup_info.
   */
  setup(pkt: Packet, range: NatRange, manip: number): Verdict {
    const { connections, current, chosen, target } = this;
    const { table } = connections;
    const { ct } = pkt;
    if ((table.status[ct]! & IPS_CONFIRMED) !== 0) return NF_ACCEPT;
    if (this.isSetUp(ct, manip)) return NF_DROP;
    table.getTuple(ct, REPLY, target);
    current.invert(target);
    this.chooser.choose(chosen, current, range, ct, manip);
    if (!chosen.equals(current)) {
      target.invert(chosen);
      table.setTuple(ct, REPLY, target);
      table.status[ct]! |= manip === MANIP_SRC ? IPS_SRC_NAT : IPS_DST_NAT;
    }
    if (manip === MANIP_SRC) table.insertBySource(ct);
    table.status[ct]! |= manip === MANIP_SRC ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE;
    return NF_ACCEPT;
  }

  /** A flow that no rule changes: only its port does, if another flow would get its answers. nf_nat_alloc_null_binding. */
  private setupNull(pkt: Packet, manip: number): Verdict {
    const { nullRange: range, target } = this;
    this.connections.table.getTuple(pkt.ct, REPLY, target);
    range.clear();
    range.flags = RANGE_MAP_IPS;
    range.min = range.max = manip === MANIP_SRC ? target.dst : target.src;
    if (target.family === IPV6) {
      const high = manip === MANIP_SRC ? target.dstHigh : target.srcHigh;
      range.minHigh.set(high);
      range.maxHigh.set(high);
    }
    return this.setup(pkt, range, manip);
  }

  /** What a packet of the flow looks like from the other side: the inverse of what is expected from there. */
  private aim(pkt: Packet): void {
    this.connections.table.getTuple(pkt.ct, 1 - direction(pkt.ctInfo), this.current);
    this.target.invert(this.current);
  }

  private rewrite(pkt: Packet, manip: number): Verdict {
    const { target } = this;
    this.aim(pkt);
    const { trace } = this.connections.ns;
    const done = this.mangler.rewrite(pkt, pkt.l3, target, manip);
    if (trace !== null) trace.record(this.stage, pkt, pkt.ct, manip, direction(pkt.ctInfo));
    return done ? NF_ACCEPT : NF_DROP;
  }

  /**
   * An ICMP error about a translated flow: the quoted packet becomes what its sender had sent, and the error comes from where
   * the sender thinks it sent to. nf_nat_icmp_reply_translation.
   */
  private translateError(pkt: Packet, hook: number): boolean {
    const { connections, current, target, mangler } = this;
    const status = connections.table.status[pkt.ct]!;
    const family = connections.table.family[pkt.ct]!;
    const manip = manipAt(hook);
    const { transport } = this;
    if (!transport.find(pkt.view, pkt.l3, pkt.end, family)) return false;
    const at = transport.dataoff;
    const quote = at + icmp.HEADER_LEN;
    const protocol = family === IPV4 ? ip.ICMP : ip.ICMPV6;
    if (pkt.end - quote < (family === IPV4 ? ip.HEADER_LEN : ip6.HEADER_LEN)) return false;
    if (!verify(pkt, family, at, protocol)) return false;
    // A redirect would be about an address that its receiver does not use.
    if (icmp.type(pkt.view, at) === (family === IPV4 ? icmp.REDIRECT : REDIRECT6)) {
      if ((status & IPS_NAT_DONE_MASK) !== IPS_NAT_DONE_MASK || (status & IPS_NAT_MASK) !== 0) return false;
    }
    let bit = manip === MANIP_SRC ? IPS_SRC_NAT : IPS_DST_NAT;
    if (direction(pkt.ctInfo) === REPLY) bit ^= IPS_NAT_MASK;
    if ((status & bit) === 0) return true;
    connections.table.getTuple(pkt.ct, 1 - direction(pkt.ctInfo), current);
    if (!mangler.rewrite(pkt, quote, current, 1 - manip)) return false;
    fillIcmp(pkt, family, at);
    target.invert(current);
    target.protocol = protocol;
    const done = mangler.rewrite(pkt, pkt.l3, target, manip);
    const { trace } = connections.ns;
    if (trace !== null) trace.record(this.stage, pkt, pkt.ct, manip, direction(pkt.ctInfo));
    return done;
  }

  /** A packet made here whose destination was changed takes another route. */
  private reroute(pkt: Packet, family: Family): Verdict {
    const { table, ns } = this.connections;
    const e = 2 * pkt.ct + direction(pkt.ctInfo);
    if (family === 'ipv6') return this.reroute6(pkt);
    if (table.dst[e] === table.src[e ^ 1]) return NF_ACCEPT;
    return ns.ip.routeMeHarder(pkt) ? NF_ACCEPT : NF_DROP;
  }

  private reroute6(pkt: Packet): Verdict {
    const { current, target } = this;
    const { table, ns } = this.connections;
    const dir = direction(pkt.ctInfo);
    table.getTuple(pkt.ct, dir, current);
    table.getTuple(pkt.ct, 1 - dir, target);
    const [own, other] = [current.dstHigh, target.srcHigh];
    const same = current.dst === target.src && own[0] === other[0] && own[1] === other[1] && own[2] === other[2];
    return same || ns.ipv6!.routeMeHarder(pkt) ? NF_ACCEPT : NF_DROP;
  }

  private describe(ct: number, manip: number, dir: number, _d: number): Readonly<Record<string, string>> {
    const { table } = this.connections;
    const [own, other] = [new Tuple(), new Tuple()];
    table.getTuple(ct, dir, own);
    table.getTuple(ct, 1 - dir, other);
    return manip === MANIP_SRC
      ? { source: endpoint(own, true), becomes: endpoint(other, false) }
      : { destination: endpoint(own, false), becomes: endpoint(other, true) };
  }
}

/** ICMP's checksum again after what it covers was rewritten. */
function fillIcmp(pkt: Packet, family: number, at: number): void {
  const { view: v, end, l3 } = pkt;
  const pseudo = family === IPV4 ? 0 : ip6.pseudo(v, l3, ip.ICMPV6, end - at);
  icmp.setChecksum(v, at, 0);
  icmp.setChecksum(v, at, sum.finish(sum.add(v, at, end, pseudo)));
}

function endpoint(tuple: Tuple, source: boolean): string {
  const [a, b, c] = (source ? tuple.srcHigh : tuple.dstHigh) as unknown as [number, number, number];
  const low = source ? tuple.src : tuple.dst;
  const hasPort = tuple.protocol === ip.TCP || tuple.protocol === ip.UDP || tuple.protocol === ip.SCTP;
  const port = hasPort ? `:${source ? tuple.srcPort : tuple.dstPort}` : '';
  if (tuple.family === IPV4) return format4(low) + port;
  const address = format6([a, b, c, low]);
  return hasPort ? `[${address}]${port}` : address;
}
