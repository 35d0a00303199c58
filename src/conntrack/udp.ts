/** Tracking of UDP and UDP-Lite: net/netfilter/nf_conntrack_proto_udp.c. @module */
import { PREROUTING } from '../net/hook.ts';
import * as ip from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import * as udp from '../packet/udp.ts';
import { MILLISECOND } from '../sim/clock.ts';
import { verify, verifyPartial } from './checksum.ts';
import type { Connections } from './connections.ts';
import { IPCT_ASSURED, IPS_ASSURED, IPS_CONFIRMED, IPS_NAT_CLASH, IPS_SEEN_REPLY } from './status.ts';
import { INVALID, TRACKED, type Tracker } from './tracker.ts';

/** A flow that is still in use after this many ms is a stream, not a question and its answer. */
const STREAM_AFTER = 2000;

export class UdpTracker implements Tracker {
  private readonly connections: Connections;

  constructor(connections: Connections) {
    this.connections = connections;
  }

  packet(pkt: Packet, ct: number, ctInfo: number, dataoff: number, hook: number): number {
    if (!this.check(pkt, ct, dataoff, hook)) return INVALID;
    const { connections } = this;
    const { table, settings } = connections;
    const now = Math.floor(connections.ns.clock.now / MILLISECOND);
    const status = table.status[ct]!;
    if ((status & IPS_CONFIRMED) === 0) table.aux[ct] = now;
    if ((status & IPS_SEEN_REPLY) === 0) {
      connections.refresh(ct, ctInfo, pkt, settings.udp);
      return TRACKED;
    }
    const stream = ((now - table.aux[ct]!) | 0) > STREAM_AFTER;
    connections.refresh(ct, ctInfo, pkt, stream ? settings.udpStream : settings.udp);
    if (stream && (status & (IPS_NAT_CLASH | IPS_ASSURED)) === 0) {
      table.status[ct]! |= IPS_ASSURED;
      connections.event(ct, IPCT_ASSURED);
    }
    return TRACKED;
  }

  /** udp_error. */
  private check(pkt: Packet, ct: number, dataoff: number, hook: number): boolean {
    const { view: v } = pkt;
    const length = pkt.end - dataoff;
    if (length < udp.HEADER_LEN) return this.invalid(pkt, hook, 'short packet');
    const told = udp.length(v, dataoff);
    if (told > length || told < udp.HEADER_LEN) return this.invalid(pkt, hook, 'truncated/malformed packet');
    if (udp.checksum(v, dataoff) === 0 || hook !== PREROUTING || !this.connections.settings.checksum) return true;
    const family = this.connections.table.family[ct]!;
    return verify(pkt, family, dataoff, ip.UDP) || this.invalid(pkt, hook, 'bad checksum');
  }

  private invalid(pkt: Packet, hook: number, message: string): false {
    if (this.connections.logs(ip.UDP)) this.connections.logInvalid(pkt, ip.UDP, hook, message);
    return false;
  }
}

/** UDP-Lite, RFC 3828: the length field says how much the checksum covers, and there must be one. */
export class UdpLiteTracker implements Tracker {
  private readonly connections: Connections;

  constructor(connections: Connections) {
    this.connections = connections;
  }

  packet(pkt: Packet, ct: number, ctInfo: number, dataoff: number, hook: number): number {
    if (!this.check(pkt, ct, dataoff, hook)) return INVALID;
    const { connections } = this;
    const { table, settings } = connections;
    const status = table.status[ct]!;
    const replied = (status & IPS_SEEN_REPLY) !== 0;
    connections.refresh(ct, ctInfo, pkt, replied ? settings.udpStream : settings.udp);
    if (replied && (status & (IPS_NAT_CLASH | IPS_ASSURED)) === 0) {
      table.status[ct]! |= IPS_ASSURED;
      connections.event(ct, IPCT_ASSURED);
    }
    return TRACKED;
  }

  /** udplite_error. */
  private check(pkt: Packet, ct: number, dataoff: number, hook: number): boolean {
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

  private invalid(pkt: Packet, hook: number, message: string): false {
    if (this.connections.logs(ip.UDPLITE)) this.connections.logInvalid(pkt, ip.UDPLITE, hook, message);
    return false;
  }
}
