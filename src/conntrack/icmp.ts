/**
 * Tracking of ICMP and ICMPv6 queries, and errors about other connections: net/netfilter/nf_conntrack_proto_icmp.c and
 * nf_conntrack_proto_icmpv6.c. @module
 */
import { PREROUTING } from '../net/hook.ts';
import { format4, format6 } from '../packet/address.ts';
import * as icmp from '../packet/icmp.ts';
import * as ip from '../packet/ipv4.ts';
import * as ip6 from '../packet/ipv6.ts';
import type { Packet } from '../packet/packet.ts';
import { verify } from './checksum.ts';
import type { Connections } from './connections.ts';
import { IP_CT_IS_REPLY, IP_CT_RELATED, IP_CT_UNTRACKED, ORIGINAL, REPLY } from './status.ts';
import { INVALID, TRACKED, type Tracker } from './tracker.ts';
import { IPV4, IPV6, readTuple, Transport, Tuple } from './tuple.ts';

const ECHO_REQUEST6 = 128;
const NODE_INFO_QUERY6 = 139;

/** Neighbour discovery and multicast listener messages are not tracked: 130..136 and 143. */
const isUntracked6 = (type: number): boolean => (type >= 130 && type <= 136) || type === 143;

/** Requests open a connection, errors belong to the one that they quote. */
export class IcmpTracker implements Tracker {
  private readonly connections: Connections;
  private readonly family: number;
  private readonly protocol: number;
  private readonly quoted = new Tuple();
  private readonly inner = new Tuple();
  private readonly transport = new Transport();

  constructor(connections: Connections, family: number) {
    this.connections = connections;
    this.family = family;
    this.protocol = family === IPV4 ? ip.ICMP : ip.ICMPV6;
  }

  packet(pkt: Packet, ct: number, ctInfo: number): number {
    const { connections, family } = this;
    const { table, settings } = connections;
    const type = (table.ports[2 * ct + ORIGINAL]! & 0xffff) >>> 8;
    const opens = family === IPV4 ? icmp.isRequest(type) : type === ECHO_REQUEST6 || type === NODE_INFO_QUERY6;
    if (table.family[ct] !== family || !opens) return INVALID;
    connections.refresh(ct, ctInfo, pkt, family === IPV4 ? settings.icmp : settings.icmpv6);
    return TRACKED;
  }

  /**
   * Look at an ICMP packet before its tuple is: INVALID, or TRACKED; then an error has the connection that it is about in
   * `pkt.ct`, and a message that is never tracked has IP_CT_UNTRACKED. nf_conntrack_icmpv4_error, nf_conntrack_icmpv6_error.
   */
  error(pkt: Packet, dataoff: number, hook: number, zone: number, zoneDir: number): number {
    if (pkt.end - dataoff < icmp.HEADER_LEN) return this.invalid(pkt, hook, 'short packet');
    const checked = hook === PREROUTING && this.connections.settings.checksum;
    if (checked && !verify(pkt, this.family, dataoff, this.protocol)) {
      return this.invalid(pkt, hook, this.family === IPV4 ? 'bad hw icmp checksum' : 'ICMPv6 checksum failed');
    }
    const type = icmp.type(pkt.view, dataoff);
    if (this.family === IPV4) {
      if (type > icmp.NR_ICMP_TYPES) return this.invalid(pkt, hook, 'invalid icmp type');
      if (!icmp.isError(type)) return TRACKED;
    } else {
      if (isUntracked6(type)) pkt.ctInfo = IP_CT_UNTRACKED;
      if (type >= 128) return TRACKED;
    }
    return this.relate(pkt, dataoff + icmp.HEADER_LEN, hook, zone, zoneDir);
  }

  /** The connection that the quoted packet belongs to. nf_conntrack_inet_error. */
  private relate(pkt: Packet, quote: number, hook: number, zone: number, zoneDir: number): number {
    const { connections, family, quoted, inner, transport } = this;
    const { table } = connections;
    const { view: v, end } = pkt;
    if (!transport.find(v, quote, end, family) || !readTuple(v, quote, end, family, transport, quoted)) return INVALID;
    if (!inner.invert(quoted)) return INVALID;
    const e = connections.find(inner, zone, zoneDir);
    if (e < 0) return INVALID;
    table.getTuple(e >>> 1, e & 1, quoted);
    if (!this.isAddressed(pkt, quoted)) return this.misaddressed(pkt, hook, quoted);
    pkt.ct = e >>> 1;
    pkt.ctInfo = IP_CT_RELATED + ((e & 1) === REPLY ? IP_CT_IS_REPLY : 0);
    return TRACKED;
  }

  /** Does the error go to the quoted packet's sender, as the connection knows it? */
  private isAddressed(pkt: Packet, tuple: Tuple): boolean {
    const { view: v, l3 } = pkt;
    if (this.family === IPV4) return ip.dst(v, l3) === tuple.dst;
    for (let i = 0; i < 3; i++) if (ip6.dstWord(v, l3, i) !== tuple.dstHigh[i]) return false;
    return ip6.dstWord(v, l3, 3) === tuple.dst;
  }

  private misaddressed(pkt: Packet, hook: number, tuple: Tuple): number {
    if (!this.connections.logs(this.protocol)) return INVALID;
    const { view: v, l3 } = pkt;
    const [a, b, c] = tuple.dstHigh as unknown as [number, number, number];
    const outer = this.family === IPV4 ? format4(ip.dst(v, l3)) : format6(ip6.dst(v, l3));
    const known = this.family === IPV6 ? format6([a, b, c, tuple.dst]) : format4(tuple.dst);
    return this.invalid(pkt, hook, `outer daddr ${outer} != inner ${known}`);
  }

  private invalid(pkt: Packet, hook: number, message: string): number {
    if (this.connections.logs(this.protocol)) this.connections.logInvalid(pkt, this.protocol, hook, message);
    return INVALID;
  }
}
