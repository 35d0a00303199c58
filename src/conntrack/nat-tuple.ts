/**
 * The choice of a free tuple for a flow: get_unique_tuple and nf_nat_l4proto_unique_tuple, net/netfilter/nf_nat_core.c. Two
 * flows must never have the same reply tuple, or their answers could not be told apart. @module
 */
import * as ip from '../packet/ipv4.ts';
import type { Random } from '../sim/random.ts';
import type { Connections } from './connections.ts';
import { type NatRange, RANGE_PROTO_OFFSET, RANGE_PROTO_RANDOM_ALL, RANGE_PROTO_SPECIFIED } from './nat-range.ts';
import {
  IPS_DYING,
  IPS_FIXED_TIMEOUT,
  IPS_NAT_MASK,
  IPS_SEQ_ADJUST,
  IPS_SRC_NAT,
  MANIP_DST,
  MANIP_SRC,
  ORIGINAL,
  REPLY,
} from './status.ts';
import { STATE_WORDS } from './table.ts';
import { SYN_SENT, TIME_WAIT } from './tcp-state.ts';
import { END } from './tcp-window.ts';
import { Tuple } from './tuple.ts';

/** Ports tried in one go, NF_NAT_MAX_ATTEMPTS; in the last NF_NAT_HARDER_THRESH of them a dying connection's is taken. */
const MAX_ATTEMPTS = 128;
const HARDER_THRESHOLD = 32;

export class TupleChooser {
  private readonly connections: Connections;
  private readonly random: Random;
  private readonly reply = new Tuple();
  private readonly scratch = new Tuple();
  /** Ports that may be had: the first one and how many. */
  private first = 0;
  private size = 0;

  constructor(connections: Connections) {
    this.connections = connections;
    this.random = connections.ns.random;
  }

  /**
   * Fill `to` with what the flow `original` of the unconfirmed row `ct` becomes in the range. When no tuple is free it is the
   * last one tried, and confirmation will fail.
   */
  choose(to: Tuple, original: Tuple, range: NatRange, ct: number, manip: number): void {
    const { flags } = range;
    if (manip === MANIP_SRC && (flags & RANGE_PROTO_RANDOM_ALL) === 0 && this.keepSource(to, original, range, ct))
      return;
    to.copy(original);
    range.chooseAddress(to, manip, this.connections.table.zone[ct]!);
    if ((flags & RANGE_PROTO_RANDOM_ALL) === 0 && this.isGood(to, range, ct, manip)) return;
    this.choosePort(to, range, ct, manip);
  }

  /** The source as it is, or as it is mapped for another destination. */
  private keepSource(to: Tuple, original: Tuple, range: NatRange, ct: number): boolean {
    if (range.containsSource(original)) {
      if (this.isUsedUnchanged(original, ct)) return false;
      to.copy(original);
      return true;
    }
    return this.findMapping(to, original, range, ct) && !this.isUsed(to, ct);
  }

  /** Is the tuple good without another port? */
  private isGood(tuple: Tuple, range: NatRange, ct: number, manip: number): boolean {
    if ((range.flags & RANGE_PROTO_SPECIFIED) === 0) return !this.isUsed(tuple, ct);
    if ((range.flags & RANGE_PROTO_OFFSET) !== 0 || !range.containsProto(tuple, manip)) return false;
    return range.minProto === range.maxProto || !this.isUsed(tuple, ct);
  }

  /** Would answers to this tuple belong to another connection? nf_nat_used_tuple. */
  private isUsed(tuple: Tuple, ct: number): boolean {
    this.reply.invert(tuple);
    return this.connections.isTaken(this.reply, ct);
  }

  /** The same for a flow that NAT leaves as it is: one that is merely the other's answer will be merged with it. */
  private isUsedUnchanged(tuple: Tuple, ct: number): boolean {
    if (!this.isUsed(tuple, ct)) return false;
    const { connections, scratch } = this;
    const { table } = connections;
    const natted = IPS_NAT_MASK | IPS_SEQ_ADJUST;
    if (tuple.protocol !== ip.UDP && tuple.protocol !== ip.UDPLITE && tuple.protocol !== ip.GRE) return true;
    if ((table.status[ct]! & natted) !== 0) return true;
    let e = connections.find(tuple, table.zone[ct]!, table.zoneDir[ct]!);
    if (e < 0) e = connections.find(this.reply, table.zone[ct]!, table.zoneDir[ct]!);
    if (e < 0) return false;
    if ((table.status[e >>> 1]! & natted) !== 0) return true;
    table.getTuple(ct, REPLY, scratch);
    return !table.tupleEquals(e >>> 1, ORIGINAL, scratch);
  }

  /** Another flow from this source that was mapped into the range: take its mapping. find_appropriate_src. */
  private findMapping(to: Tuple, tuple: Tuple, range: NatRange, ct: number): boolean {
    const { connections, scratch } = this;
    const { table } = connections;
    const zone = table.zoneId(ct, ORIGINAL);
    for (let other = table.firstBySource(tuple, table.zone[ct]!, table.zoneDir[ct]!); other >= 0; ) {
      table.getTuple(other, ORIGINAL, scratch);
      if (isSameSource(scratch, tuple) && table.zoneId(other, ORIGINAL) === zone) {
        table.getTuple(other, REPLY, scratch);
        to.invert(scratch);
        to.dst = tuple.dst;
        to.dstHigh.set(tuple.dstHigh);
        to.dstPort = tuple.dstPort;
        to.protocol = tuple.protocol;
        if (range.containsSource(to)) return true;
      }
      other = table.nextBySource(other);
    }
    return false;
  }

  /** Look for a free port, or echo id: from a random or the wanted one on, in shorter and shorter runs. */
  private choosePort(tuple: Tuple, range: NatRange, ct: number, manip: number): void {
    if (!this.limits(tuple, range, manip)) return;
    const inSource = manip === MANIP_SRC || isIcmp(tuple.protocol);
    let offset = this.start(inSource ? tuple.srcPort : tuple.dstPort, range, manip);
    for (let attempts = Math.min(this.size, MAX_ATTEMPTS); ; attempts >>= 1) {
      for (let i = 0; i < attempts; i++) {
        const port = this.first + (((offset + i) & 0xffff) % this.size);
        if (inSource) tuple.srcPort = port;
        else tuple.dstPort = port;
        if (!this.isUsedHarder(tuple, ct, attempts - i)) return;
      }
      if (attempts >= this.size || attempts < 16) return;
      offset = this.random.below(0x10000);
    }
  }

  private start(port: number, range: NatRange, manip: number): number {
    if ((range.flags & RANGE_PROTO_OFFSET) !== 0) return (port - range.baseProto) & 0xffff;
    if ((range.flags & RANGE_PROTO_RANDOM_ALL) === 0 && manip === MANIP_DST) return 0;
    return this.random.below(0x10000);
  }

  /** Which ports may be tried; false when this protocol's are not changed. */
  private limits(tuple: Tuple, range: NatRange, manip: number): boolean {
    const specified = (range.flags & RANGE_PROTO_SPECIFIED) !== 0;
    if (isIcmp(tuple.protocol)) {
      this.first = specified ? range.minProto : 0;
      this.size = specified ? range.maxProto - range.minProto + 1 : 0x10000;
      return true;
    }
    if (!hasPorts(tuple.protocol)) return false;
    if (specified) {
      this.first = Math.min(range.minProto, range.maxProto);
      this.size = Math.abs(range.maxProto - range.minProto) + 1;
      return true;
    }
    this.limitToClass(tuple.srcPort);
    return manip === MANIP_SRC;
  }

  /** A source port stays in its class: below 512, below 1024, or the rest. */
  private limitToClass(port: number): void {
    if (port >= 1024) {
      this.first = 1024;
      this.size = 0x10000 - 1024;
    } else if (port >= 512) {
      this.first = 600;
      this.size = 1023 - 600 + 1;
    } else {
      this.first = 1;
      this.size = 511;
    }
  }

  /** With few attempts left, a TCP connection past its end gives its tuple up to a SYN. nf_nat_used_tuple_harder. */
  private isUsedHarder(tuple: Tuple, ct: number, left: number): boolean {
    const { connections, reply } = this;
    const { table } = connections;
    if (left > HARDER_THRESHOLD || tuple.protocol !== ip.TCP || table.state[ct] !== SYN_SENT)
      return this.isUsed(tuple, ct);
    reply.invert(tuple);
    const e = connections.find(reply, table.zone[ct]!, table.zoneDir[ct]!);
    if (e < 0) return false;
    if ((e & 1) === ORIGINAL || !this.mayKill(e >>> 1) || !this.hasAdvanced(e >>> 1, ct)) return true;
    connections.kill(e >>> 1, null);
    return false;
  }

  private mayKill(ct: number): boolean {
    const { table } = this.connections;
    const status = table.status[ct]! & (IPS_FIXED_TIMEOUT | IPS_DYING | IPS_SRC_NAT);
    return table.state[ct]! >= TIME_WAIT && status === IPS_SRC_NAT;
  }

  /** The new SYN's sequence must lie above the old connection's, so that the old peer's packets are invalid. */
  private hasAdvanced(old: number, ct: number): boolean {
    const { table } = this.connections;
    const end = (row: number): number => table.words[(table.aux[row]! - 1) * STATE_WORDS + END]!;
    return ((end(ct) - end(old)) | 0) > 0;
  }
}

const isIcmp = (protocol: number): boolean => protocol === ip.ICMP || protocol === ip.ICMPV6;

const hasPorts = (protocol: number): boolean =>
  protocol === ip.TCP || protocol === ip.UDP || protocol === ip.UDPLITE || protocol === ip.SCTP;

const isSameSource = (a: Tuple, b: Tuple): boolean =>
  a.protocol === b.protocol &&
  a.src === b.src &&
  a.srcPort === b.srcPort &&
  a.family === b.family &&
  (a.family === 4 || (a.srcHigh[0] === b.srcHigh[0] && a.srcHigh[1] === b.srcHigh[1] && a.srcHigh[2] === b.srcHigh[2]));
