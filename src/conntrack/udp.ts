/** Tracking of UDP and UDP-Lite: net/netfilter/nf_conntrack_proto_udp.c. @module */
import { PREROUTING } from '../net/hook.ts';
import * as ip from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import * as udp from '../packet/udp.ts';
import { MILLISECOND } from '../sim/clock.ts';
import { verify, verifyPartial } from './checksum.ts';
import type { Connections } from './connections.ts';
import { IPS_ASSURED, IPS_CONFIRMED, IPS_NAT_CLASH, IPS_SEEN_REPLY } from './status.ts';
import { INVALID, TRACKED, type Tracker } from './tracker.ts';

/** A flow that is still in use after this many ms is a stream, not a question and its answer. */
const STREAM_AFTER = 2000;

/** What both do: a flow that answers becomes a stream, which is kept longer. */
abstract class DatagramTracker implements Tracker {
  protected readonly connections: Connections;
  private readonly protocol: number;

  constructor(connections: Connections, protocol: number) {
    this.connections = connections;
    this.protocol = protocol;
  }

  /** Is the datagram whole and its checksum right? */
  protected abstract check(pkt: Packet, ct: number, dataoff: number, hook: number): boolean;
  /** Is a connection of this status a stream? */
  protected abstract isStream(ct: number, status: number): boolean;

  packet(pkt: Packet, ct: number, ctInfo: number, dataoff: number, hook: number): number {
    if (!this.check(pkt, ct, dataoff, hook)) return INVALID;
    const { connections } = this;
    const { table, settings } = connections;
    const status = table.status[ct]!;
    const stream = this.isStream(ct, status);
    connections.refresh(ct, ctInfo, pkt, stream ? settings.udpStream : settings.udp);
    if (stream && (status & (IPS_NAT_CLASH | IPS_ASSURED)) === 0) connections.assure(ct);
    return TRACKED;
  }

  protected invalid(pkt: Packet, hook: number, message: string): false {
    const { connections, protocol } = this;
    if (connections.logs(protocol)) connections.logInvalid(pkt, protocol, hook, message);
    return false;
  }
}

/** UDP, RFC 768: a datagram without a checksum passes. */
export class UdpTracker extends DatagramTracker {
  constructor(connections: Connections) {
    super(connections, ip.UDP);
  }

  protected isStream(ct: number, status: number): boolean {
    const { ns, table } = this.connections;
    const now = Math.floor(ns.clock.now / MILLISECOND);
    if ((status & IPS_CONFIRMED) === 0) table.aux[ct] = now;
    return (status & IPS_SEEN_REPLY) !== 0 && ((now - table.aux[ct]!) | 0) > STREAM_AFTER;
  }

  /** udp_error. */
  protected check(pkt: Packet, ct: number, dataoff: number, hook: number): boolean {
    const { view: v } = pkt;
    const length = pkt.end - dataoff;
    if (length < udp.HEADER_LEN) return this.invalid(pkt, hook, 'short packet');
    const told = udp.length(v, dataoff);
    if (told > length || told < udp.HEADER_LEN) return this.invalid(pkt, hook, 'truncated/malformed packet');
    if (udp.checksum(v, dataoff) === 0 || hook !== PREROUTING || !this.connections.settings.checksum) return true;
    const family = this.connections.table.family[ct]!;
    return verify(pkt, family, dataoff, ip.UDP) || this.invalid(pkt, hook, 'bad checksum');
  }
}

/** UDP-Lite, RFC 3828: the length field says how much the checksum covers, and there must be one. */
export class UdpLiteTracker extends DatagramTracker {
  constructor(connections: Connections) {
    super(connections, ip.UDPLITE);
  }

  protected isStream(_ct: number, status: number): boolean {
    return (status & IPS_SEEN_REPLY) !== 0;
  }

  /** udplite_error. */
  protected check(pkt: Packet, ct: number, dataoff: number, hook: number): boolean {
    const { view: v } = pkt;
    const length = pkt.end - dataoff;
    if (length < udp.HEADER_LEN) return this.invalid(pkt, hook, 'short packet');
    const coverage = udp.length(v, dataoff) || length;
    if (coverage < udp.HEADER_LEN || coverage > length) return this.invalid(pkt, hook, 'invalid checksum coverage');
    if (udp.checksum(v, dataoff) === 0) return this.invalid(pkt, hook, 'checksum missing');
    if (hook !== PREROUTING || !this.connections.settings.checksum) return true;
    const family = this.connections.table.family[ct]!;
    return verifyPartial(pkt, family, dataoff, coverage) || this.invalid(pkt, hook, 'bad checksum');
  }
}
