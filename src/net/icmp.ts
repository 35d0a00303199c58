/** ICMP messages for this host: icmp_rcv, net/ipv4/icmp.c. @module */
import * as sum from '../packet/checksum.ts';
import * as icmp from '../packet/icmp.ts';
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { IcmpLimit } from './icmp-limit.ts';
import { IcmpSender } from './icmp-send.ts';
import type { Netns } from './netns.ts';
import { RTCF_BROADCAST, RTCF_MULTICAST } from './route.ts';

const CONSUMED = reason('CONSUMED');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const NO_SOCKET = reason('NO_SOCKET');
const ICMP_CSUM = reason('ICMP_CSUM');
const INVALID_PROTO = reason('INVALID_PROTO');
const UNHANDLED_PROTO = reason('UNHANDLED_PROTO');

/** Three times of four bytes each. */
const TIMESTAMP_LEN = 12;
const FIRST_BYTE = 24;

/** ICMP of one namespace. */
export class Icmp {
  private readonly ns: Netns;
  readonly limit: IcmpLimit;
  private readonly sender: IcmpSender;
  private ignoreAll = false;
  private ignoreBroadcasts = true;
  /** The request that is being answered. */
  private request: Packet | null = null;
  private readonly copyData = (out: Packet, at: number): void => {
    const { l4, end } = this.request!;
    out.copyBytes(this.request!, l4 + icmp.HEADER_LEN, end, at);
  };
  private readonly writeTimes = (out: Packet, at: number): void => {
    const { view, l4 } = this.request!;
    const now = this.ns.ip.optionsHost.timestamp();
    out.view.setUint32(at, view.getUint32(l4 + icmp.HEADER_LEN));
    out.view.setUint32(at + 4, now);
    out.view.setUint32(at + 8, now);
  };

  constructor(ns: Netns) {
    this.ns = ns;
    this.limit = new IcmpLimit(ns);
    this.sender = new IcmpSender(ns, this.limit);
    ns.sysctl.watch('net.ipv4.icmp_echo_ignore_all', 0, (value) => {
      this.ignoreAll = value !== 0;
    });
    ns.sysctl.watch('net.ipv4.icmp_echo_ignore_broadcasts', 1, (value) => {
      this.ignoreBroadcasts = value !== 0;
    });
  }

  /** See {@link IcmpSender.send}. */
  send(pkt: Packet, type: number, code: number, info: number): void {
    this.sender.send(pkt, type, code, info);
  }

  /** Parameter problem at a byte of the header. */
  parameterProblem(pkt: Packet, offset: number): void {
    this.sender.send(pkt, icmp.PARAMETERPROB, 0, (offset << FIRST_BYTE) >>> 0);
  }

  /** icmp_rcv; takes the packet. `pkt.l4` at the ICMP header. */
  receive(pkt: Packet): void {
    const { view, l4, end } = pkt;
    if (sum.fold(sum.add(view, l4, end)) !== 0xffff) this.ns.drop(pkt, ICMP_CSUM);
    else if (end - l4 < icmp.HEADER_LEN) this.ns.drop(pkt, NOT_SPECIFIED);
    else this.ns.drop(pkt, this.handle(pkt, icmp.type(view, l4)));
  }

  /** @returns the reason under which the packet ends */
  private handle(pkt: Packet, type: number): number {
    if (type === icmp.EXT_ECHO) return NOT_SPECIFIED;
    if (type === icmp.EXT_ECHOREPLY) return NO_SOCKET;
    if (type > icmp.NR_ICMP_TYPES) return UNHANDLED_PROTO;
    if ((pkt.routeFlags & (RTCF_BROADCAST | RTCF_MULTICAST)) !== 0) {
      const timing = type === icmp.ECHO || type === icmp.TIMESTAMP;
      if (timing && this.ignoreBroadcasts) return INVALID_PROTO;
      if (!timing && type !== icmp.ADDRESS && type !== icmp.ADDRESSREPLY) return INVALID_PROTO;
    }
    switch (type) {
      case icmp.ECHO:
        return this.echo(pkt);
      case icmp.TIMESTAMP:
        return this.timestamp(pkt);
      case icmp.ECHOREPLY:
        return NO_SOCKET;
      default:
        return CONSUMED;
    }
  }

  private echo(pkt: Packet): number {
    if (this.ignoreAll) return CONSUMED;
    this.request = pkt;
    const length = pkt.end - pkt.l4 - icmp.HEADER_LEN;
    this.sender.answer(pkt, icmp.ECHOREPLY, icmp.code(pkt.view, pkt.l4), length, this.copyData);
    return CONSUMED;
  }

  private timestamp(pkt: Packet): number {
    if (pkt.end - pkt.l4 - icmp.HEADER_LEN < 4) return NOT_SPECIFIED;
    this.request = pkt;
    this.sender.answer(pkt, icmp.TIMESTAMPREPLY, 0, TIMESTAMP_LEN, this.writeTimes);
    return CONSUMED;
  }
}
