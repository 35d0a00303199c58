/**
 * Connection tracking of one namespace: nf_conntrack_in, resolve_normal_ct and __nf_conntrack_confirm,
 * net/netfilter/nf_conntrack_core.c, with the hooks of nf_conntrack_proto.c, nf_defrag_ipv4.c and
 * nf_defrag_ipv6_hooks.c.
 *
 * A packet's `ct` is its connection's row, -1 for none, or below that a template that a CT target gave it. `ctInfo` says how
 * it relates to the connection. What is neither tracked nor IP_CT_UNTRACKED is INVALID. @module
 */
import type { Device } from '../net/device.ts';
import { IP_DEFRAG_CONNTRACK_BRIDGE_IN, IP_DEFRAG_CONNTRACK_IN, IP_DEFRAG_CONNTRACK_OUT } from '../net/fragment.ts';
import { REFUSED, TAKEN } from '../net/fragment6.ts';
import {
  type HookEntry,
  type Hooks,
  INPUT,
  NF_ACCEPT,
  NF_DROP,
  NF_STOLEN,
  OUTPUT,
  POSTROUTING,
  PREROUTING,
  PRI_CONNTRACK,
  PRI_CONNTRACK_CONFIRM,
  PRI_CONNTRACK_DEFRAG,
  type Verdict,
} from '../net/hook.ts';
import type { Netns } from '../net/netns.ts';
import * as ip from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import type { Stage, TraceFields } from '../sim/trace.ts';
import { Connections } from './connections.ts';
import { GenericTracker, GreTracker } from './generic.ts';
import { IcmpTracker } from './icmp.ts';
import { Nat } from './nat.ts';
import { SctpTracker } from './sctp.ts';
import {
  direction,
  type Family,
  IP_CT_ESTABLISHED,
  IP_CT_ESTABLISHED_REPLY,
  IP_CT_NEW,
  IP_CT_RELATED,
  IP_CT_UNTRACKED,
  IPCT_NEW,
  IPCT_REPLY,
  IPS_CONFIRMED,
  IPS_EXPECTED,
  IPS_FIXED_TIMEOUT,
  IPS_NAT_CLASH,
  IPS_SEEN_REPLY,
  ORIGINAL,
  REPLY,
  STATE_INVALID,
  STATE_UNTRACKED,
  ZONE_DIR_BOTH,
} from './status.ts';
import { TcpTracker } from './tcp.ts';
import { DROP, INVALID, REPEAT, TRACKED, type Tracker } from './tracker.ts';
import { IPV4, IPV6, readTuple, Transport, Tuple } from './tuple.ts';
import { UdpLiteTracker, UdpTracker } from './udp.ts';

/** What a CT target gives a packet before it is tracked. */
export interface Template {
  readonly zone: number;
  /** ZONE_DIR_*. */
  readonly zoneDir: number;
  /** The zone is the packet's mark (its lower 16 bits). */
  readonly zoneFromMark: boolean;
}

/** First template code of `Packet.ct`; the following ones are below it. */
const FIRST_TEMPLATE = -2;

/** Connection tracking of one namespace: hooks, trackers, NAT. */
export class Conntrack extends Connections {
  readonly nat: Nat;
  private readonly users = { ipv4: 0, ipv6: 0 };
  private readonly defragUsers = { ipv4: 0, ipv6: 0 };
  private readonly defragEntries: Readonly<Record<Family, HookEntry>> = {
    ipv4: { priority: PRI_CONNTRACK_DEFRAG, run: (pkt, hook, iif) => this.defrag(pkt, hook, iif) },
    ipv6: { priority: PRI_CONNTRACK_DEFRAG, run: (pkt, hook, iif) => this.defrag6(pkt, hook, iif) },
  };
  private readonly templates: Template[] = [];
  private readonly trackers: Tracker[] = [];
  private readonly icmp: IcmpTracker;
  private readonly icmpv6: IcmpTracker;
  private readonly transport = new Transport();
  private readonly tuple = new Tuple();
  private readonly reply = new Tuple();
  private readonly stage: Stage;
  /** Zone of the packet under way. */
  private zone = 0;
  private zoneDir = ZONE_DIR_BOTH;

  constructor(ns: Netns) {
    super(ns);
    this.icmp = new IcmpTracker(this, IPV4);
    this.icmpv6 = new IcmpTracker(this, IPV6);
    this.trackers = new Array<Tracker>(256).fill(new GenericTracker(this));
    this.trackers[ip.TCP] = new TcpTracker(this);
    this.trackers[ip.UDP] = new UdpTracker(this);
    this.trackers[ip.UDPLITE] = new UdpLiteTracker(this);
    this.trackers[ip.SCTP] = new SctpTracker(this);
    this.trackers[ip.GRE] = new GreTracker(this);
    this.trackers[ip.ICMP] = this.icmp;
    this.trackers[ip.ICMPV6] = this.icmpv6;
    this.nat = new Nat(this);
    this.stage = { kind: 'conntrack', ns: ns.name, describe: describeTracking };
  }

  /** Track this family from now on, as long as somebody needs it: nf_ct_netns_get. */
  use(family: Family): void {
    if (this.users[family]++ > 0) return;
    this.useDefrag(family);
    for (const [hook, entry] of this.entries(family)) this.hooksOf(family).register(hook, entry);
  }

  /** One user less: nf_ct_netns_put. @throws {Error} when there was none */
  release(family: Family): void {
    if (this.users[family] === 0) throw new Error(`${family} conntrack is not in use`);
    if (--this.users[family] > 0) return;
    this.releaseDefrag(family);
    for (const [hook, entry] of this.entries(family)) this.hooksOf(family).unregister(hook, entry);
  }

  /** Reassemble fragments from now on, tracked or not: nf_defrag_ipv4_enable, nf_defrag_ipv6_enable. */
  useDefrag(family: Family = 'ipv4'): void {
    if (this.defragUsers[family]++ > 0) return;
    for (const hook of [PREROUTING, OUTPUT]) this.hooksOf(family).register(hook, this.defragEntries[family]);
  }

  /** One user less: nf_defrag_ipv4_disable, nf_defrag_ipv6_disable. */
  releaseDefrag(family: Family = 'ipv4'): void {
    if (--this.defragUsers[family] > 0) return;
    for (const hook of [PREROUTING, OUTPUT]) this.hooksOf(family).unregister(hook, this.defragEntries[family]);
  }

  private hooksOf(family: Family): Hooks {
    return family === 'ipv4' ? this.ns.hooks4 : this.ns.hooks6;
  }

  /** Is the family tracked? */
  isUsed(family: Family): boolean {
    return this.users[family] > 0;
  }

  private readonly hookEntries = new Map<Family, readonly (readonly [number, HookEntry])[]>();

  private entries(family: Family): readonly (readonly [number, HookEntry])[] {
    const known = this.hookEntries.get(family);
    if (known !== undefined) return known;
    const made = this.makeEntries(family === 'ipv4' ? IPV4 : IPV6);
    this.hookEntries.set(family, made);
    return made;
  }

  private makeEntries(family: number): (readonly [number, HookEntry])[] {
    const track: HookEntry = {
      priority: PRI_CONNTRACK,
      run: (pkt, hook) => (hook === OUTPUT && family === IPV4 ? this.trackLocal(pkt) : this.track(pkt, hook, family)),
    };
    const confirm: HookEntry = { priority: PRI_CONNTRACK_CONFIRM, run: (pkt) => this.confirmPacket(pkt) };
    return [
      [PREROUTING, track],
      [OUTPUT, track],
      [POSTROUTING, confirm],
      [INPUT, confirm],
    ];
  }

  /** A template for a CT target. @returns what it puts into `Packet.ct`, with ctInfo IP_CT_NEW */
  addTemplate(template: Template): number {
    return FIRST_TEMPLATE - (this.templates.push(template) - 1);
  }

  /** How the packet relates to its connection, as one bit (STATE_*). Runs per packet. */
  stateBit(pkt: Packet): number {
    if (pkt.ct >= 0) return 2 << (pkt.ctInfo >= IP_CT_ESTABLISHED_REPLY ? pkt.ctInfo - 3 : pkt.ctInfo);
    return pkt.ctInfo === IP_CT_UNTRACKED ? STATE_UNTRACKED : STATE_INVALID;
  }

  /** Gather fragments, before anything looks at transport headers. ipv4_conntrack_defrag. */
  private defrag(pkt: Packet, hook: number, iif: Device): Verdict {
    if (pkt.ct >= 0 || pkt.ctInfo === IP_CT_UNTRACKED || !ip.isFragment(pkt.view, pkt.l3)) return NF_ACCEPT;
    return this.ns.ip.defrag(pkt, this.defragUser(pkt, hook, iif)) ? NF_ACCEPT : NF_STOLEN;
  }

  /** nf_ct_defrag_user: who shares a queue. */
  private defragUser(pkt: Packet, hook: number, iif: Device): number {
    this.takeZone(pkt);
    const bridged = pkt.physIn !== 0 && iif.index !== 0;
    const user =
      hook === OUTPUT ? IP_DEFRAG_CONNTRACK_OUT : bridged ? IP_DEFRAG_CONNTRACK_BRIDGE_IN : IP_DEFRAG_CONNTRACK_IN;
    return user + ((this.zoneDir & (1 << ORIGINAL)) !== 0 ? this.zone : 0);
  }

  /** ipv6_defrag. */
  private defrag6(pkt: Packet, hook: number, iif: Device): Verdict {
    const { ipv6 } = this.ns;
    if (pkt.ct >= 0 || pkt.ctInfo === IP_CT_UNTRACKED || ipv6 === null) return NF_ACCEPT;
    switch (ipv6.fragments.gather(pkt, this.defragUser(pkt, hook, iif))) {
      case TAKEN:
        return NF_STOLEN;
      case REFUSED:
        return NF_DROP;
      default:
        return NF_ACCEPT;
    }
  }

  /** The zone that a packet is looked up in. nf_ct_zone_tmpl. */
  private takeZone(pkt: Packet): void {
    const template = pkt.ct <= FIRST_TEMPLATE ? this.templates[FIRST_TEMPLATE - pkt.ct]! : null;
    this.zone = template === null ? 0 : template.zoneFromMark ? pkt.mark & 0xffff : template.zone;
    this.zoneDir = template === null ? ZONE_DIR_BOTH : template.zoneDir;
  }

  /** A fragment here comes from a socket that asked not to have it reassembled: pass it untracked by. ipv4_conntrack_local. */
  private trackLocal(pkt: Packet): Verdict {
    if (!ip.isFragment(pkt.view, pkt.l3)) return this.track(pkt, OUTPUT, IPV4);
    if (pkt.ct < 0) pkt.ct = -1;
    return NF_ACCEPT;
  }

  /** Find or make the packet's connection. nf_conntrack_in. Runs per packet: no allocation but for a new connection. */
  track(pkt: Packet, hook: number, family: number): Verdict {
    if (pkt.ct >= 0 || pkt.ctInfo === IP_CT_UNTRACKED) return NF_ACCEPT;
    this.takeZone(pkt);
    pkt.ct = -1;
    pkt.ctInfo = 0;
    const verdict = this.lookAt(pkt, hook, family);
    if (this.ns.trace !== null) this.ns.trace.record(this.stage, pkt, this.stateBit(pkt), pkt.ct, pkt.ctInfo);
    return verdict;
  }

  private lookAt(pkt: Packet, hook: number, family: number): Verdict {
    const { transport } = this;
    if (!transport.find(pkt.view, pkt.l3, pkt.end, family)) {
      this.stats.invalid++;
      return NF_ACCEPT;
    }
    if (transport.protocol === (family === IPV4 ? ip.ICMP : ip.ICMPV6)) {
      const tracker = family === IPV4 ? this.icmp : this.icmpv6;
      const said = tracker.error(pkt, transport.dataoff, hook, this.zone, this.zoneDir);
      if (said !== TRACKED) this.stats.error++;
      if (said !== TRACKED || pkt.ct >= 0 || pkt.ctInfo === IP_CT_UNTRACKED) return NF_ACCEPT;
    }
    let said = this.resolve(pkt, hook, family);
    while (said === REPEAT) said = this.resolve(pkt, hook, family);
    if (said === TRACKED) return NF_ACCEPT;
    if (said === DROP) this.stats.drop++;
    else this.stats.invalid++;
    pkt.ct = -1;
    pkt.ctInfo = 0;
    return said === DROP ? NF_DROP : NF_ACCEPT;
  }

  private resolve(pkt: Packet, hook: number, family: number): number {
    const { table, tuple, transport } = this;
    if (!readTuple(pkt.view, pkt.l3, pkt.end, family, transport, tuple)) return INVALID;
    const e = this.find(tuple, this.zone, this.zoneDir);
    const ct = e >= 0 ? e >>> 1 : this.initConntrack(pkt);
    if (ct < 0) return ct === NO_TUPLE ? INVALID : DROP;
    pkt.ct = ct;
    pkt.ctInfo = (e & 1) === REPLY && e >= 0 ? IP_CT_ESTABLISHED_REPLY : originalInfo(table.status[ct]!);
    const said = this.trackers[transport.protocol]!.packet(pkt, ct, pkt.ctInfo, transport.dataoff, hook);
    if (said === TRACKED && pkt.ctInfo === IP_CT_ESTABLISHED_REPLY && (table.status[ct]! & IPS_SEEN_REPLY) === 0) {
      table.status[ct]! |= IPS_SEEN_REPLY;
      this.event(ct, IPCT_REPLY);
    }
    return said;
  }

  /** A new connection, or NO_TUPLE when nothing can answer such a packet, or NO_ROOM. init_conntrack. */
  private initConntrack(pkt: Packet): number {
    if (!this.reply.invert(this.tuple)) return NO_TUPLE;
    const ct = this.create(pkt, this.tuple, this.reply, this.zone, this.zoneDir);
    return ct < 0 ? NO_ROOM : ct;
  }

  protected override releaseState(ct: number): void {
    const { table } = this;
    const protocol = table.protocol[ct]!;
    if ((protocol === ip.TCP || protocol === ip.SCTP) && table.aux[ct] !== 0) table.releaseSlot(table.aux[ct]! - 1);
  }

  /** The packet has passed all rules: its connection is real. nf_confirm. */
  private confirmPacket(pkt: Packet): Verdict {
    if (pkt.ct < 0) return NF_ACCEPT;
    const confirmed = (this.table.status[pkt.ct]! & IPS_CONFIRMED) !== 0;
    const verdict = confirmed ? NF_ACCEPT : this.confirm(pkt);
    if (this.onEvent !== null && verdict === NF_ACCEPT) this.deliver(pkt.ct);
    return verdict;
  }

  /** Hash the connection of a packet, unless its tuples got taken meanwhile. __nf_conntrack_confirm. */
  private confirm(pkt: Packet): Verdict {
    const { table, tuple } = this;
    const { ct } = pkt;
    // An answer that REJECT makes to the first packet is attached to its connection, and confirms nothing.
    if (direction(pkt.ctInfo) !== ORIGINAL) return NF_ACCEPT;
    for (let dir = ORIGINAL; dir <= REPLY; dir++) {
      table.getTuple(ct, dir, tuple);
      const e = this.findExact(ct, dir);
      if (e >= 0) return this.resolveClash(pkt, e);
    }
    this.insert(ct);
    this.event(ct, IPCT_NEW);
    return NF_ACCEPT;
  }

  /** The entry in the hash with the row's tuple of a direction (in `tuple`), expired or not. */
  private findExact(ct: number, dir: number): number {
    const { table, tuple } = this;
    const first = table.first(table.hash(tuple, table.zoneId(ct, dir)));
    return table.match(first, tuple, table.zoneId(ct, ORIGINAL), table.zoneId(ct, REPLY));
  }

  /** Another connection `e >>> 1` has a tuple of the packet's new one. nf_ct_resolve_clash. */
  private resolveClash(pkt: Packet, e: number): Verdict {
    const { table, tuple } = this;
    const { ct } = pkt;
    if (!allowsClash(table.protocol[ct]!)) return this.insertFailed();
    if (this.merge(pkt, e >>> 1)) return NF_ACCEPT;
    table.getTuple(ct, REPLY, tuple);
    const other = this.findExact(ct, REPLY);
    if (other >= 0) return this.merge(pkt, other >>> 1) ? NF_ACCEPT : this.insertFailed();
    // Answers can be told apart: let this one live a second for them, out of the other's way.
    table.status[ct]! |= IPS_FIXED_TIMEOUT | IPS_NAT_CLASH;
    this.insertReply(ct);
    this.stats.clashResolve++;
    return NF_ACCEPT;
  }

  private insertFailed(): Verdict {
    this.stats.drop++;
    this.stats.insertFailed++;
    return NF_DROP;
  }

  /** If both are the same flow, in the same or the opposite direction, the packet goes on with the older one. */
  private merge(pkt: Packet, winner: number): boolean {
    if (!this.isSame(winner, pkt.ct, ORIGINAL) && !this.isSame(winner, pkt.ct, REPLY)) return false;
    pkt.ct = winner;
    this.account(winner, pkt.ctInfo, pkt);
    this.stats.clashResolve++;
    return true;
  }

  /** Do the original tuple of `a` and the tuple `dir` of `b` agree, and the other two, zones included? */
  private isSame(a: number, b: number, dir: number): boolean {
    const { table, tuple } = this;
    for (let side = ORIGINAL; side <= REPLY; side++) {
      const other = dir === ORIGINAL ? side : 1 - side;
      table.getTuple(b, other, tuple);
      if (!table.tupleEquals(a, side, tuple) || table.zoneId(a, side) !== table.zoneId(b, other)) return false;
    }
    return true;
  }
}

/** Why there is no new connection. */
const NO_TUPLE = -1;
const NO_ROOM = -2;

/** Protocols of which two connections may meet at confirmation (nf_conntrack_l4proto.allow_clash). */
const allowsClash = (protocol: number): boolean =>
  protocol === ip.UDP || protocol === ip.UDPLITE || protocol === ip.GRE;

/** ctInfo of a packet in the original direction. */
function originalInfo(status: number): number {
  if ((status & IPS_SEEN_REPLY) !== 0) return IP_CT_ESTABLISHED;
  return (status & IPS_EXPECTED) !== 0 ? IP_CT_RELATED : IP_CT_NEW;
}

const STATE_NAMES: Readonly<Record<number, string>> = {
  1: 'INVALID',
  2: 'ESTABLISHED',
  4: 'RELATED',
  8: 'NEW',
  256: 'UNTRACKED',
};

function describeTracking(state: number, ct: number, ctInfo: number): TraceFields {
  const name = STATE_NAMES[state] ?? String(state);
  if (ct < 0) return { state: name };
  return { state: name, connection: ct, direction: direction(ctInfo) === ORIGINAL ? 'original' : 'reply' };
}
