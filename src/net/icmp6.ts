/** ICMPv6 messages for this host: icmpv6_rcv, net/ipv6/icmp.c. @module */
import * as sum from '../packet/checksum.ts';
import * as icmpv6 from '../packet/icmpv6.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import { FLAG_CSUM_OK, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import type { Device } from './device.ts';
import { Icmp6Sender } from './icmp6-send.ts';
import { type In6, in6, isMulticast, readIn6 } from './in6.ts';
import type { Ipv6 } from './ip6.ts';
import { RTN_LOCAL } from './rtn.ts';

const CONSUMED = reason('CONSUMED');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const NO_SOCKET = reason('NO_SOCKET');
const ICMP_CSUM = reason('ICMP_CSUM');
const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const EXT_ECHO_REPLY = 161;
const DST = 24;

/** ICMPv6 of one namespace. */
export class Icmp6 {
  private readonly ip6: Ipv6;
  private readonly sender: Icmp6Sender;
  private readonly address: In6 = in6();
  private ignoreAll = false;
  private ignoreMulticast = false;
  private ignoreAnycast = false;

  constructor(ip6: Ipv6) {
    this.ip6 = ip6;
    this.sender = new Icmp6Sender(ip6);
    const { sysctl } = ip6.ns;
    sysctl.watch('net.ipv6.icmp.echo_ignore_all', 0, (value) => {
      this.ignoreAll = value !== 0;
    });
    sysctl.watch('net.ipv6.icmp.echo_ignore_multicast', 0, (value) => {
      this.ignoreMulticast = value !== 0;
    });
    sysctl.watch('net.ipv6.icmp.echo_ignore_anycast', 0, (value) => {
      this.ignoreAnycast = value !== 0;
    });
  }

  /** See {@link Icmp6Sender.send}. @param dev absent: the device that the packet is on */
  send(pkt: Packet, type: number, code: number, info: number, dev?: Device): void {
    this.sender.send(pkt, type, code, info, dev ?? this.ip6.ns.devices[pkt.iif || pkt.oif]!);
  }

  /** icmpv6_param_prob. @param pointer from the IPv6 header on */
  parameterProblem(pkt: Packet, code: number, pointer: number): void {
    this.send(pkt, icmpv6.PARAMPROB, code, pointer);
  }

  /** icmpv6_rcv; takes the packet. `pkt.l4` at the ICMPv6 header. */
  receive(pkt: Packet, dev: Device): void {
    const { view, l3, l4, end } = pkt;
    const right =
      (pkt.flags & FLAG_CSUM_OK) !== 0 ||
      sum.fold(sum.add(view, l4, end, ipv6.pseudo(view, l3, ipv4.ICMPV6, end - l4))) === 0xffff;
    if (!right) this.ip6.ns.drop(pkt, ICMP_CSUM);
    else if (end - l4 < icmpv6.HEADER_LEN) this.ip6.ns.drop(pkt, NOT_SPECIFIED);
    else this.ip6.ns.drop(pkt, this.handle(pkt, icmpv6.type(view, l4), dev));
  }

  /** @returns the reason under which the packet ends */
  private handle(pkt: Packet, type: number, dev: Device): number {
    if (icmpv6.isError(type)) return this.notify(pkt);
    if (type >= icmpv6.ROUTER_SOLICITATION && type <= icmpv6.REDIRECT) return this.ip6.ndisc.receive(pkt, dev);
    switch (type) {
      case icmpv6.ECHO_REQUEST:
        return this.echo(pkt, dev);
      case icmpv6.ECHO_REPLY:
      case EXT_ECHO_REPLY:
        return NO_SOCKET;
      case icmpv6.MGM_QUERY:
      case icmpv6.MGM_REPORT:
        return CONSUMED;
      default:
        return NOT_SPECIFIED;
    }
  }

  /** icmpv6_notify: nobody here waits for errors; what quotes no header is dropped for that. */
  private notify({ l4, end }: Packet): number {
    return end - l4 - icmpv6.HEADER_LEN < ipv6.HEADER_LEN ? PKT_TOO_SMALL : CONSUMED;
  }

  private echo(pkt: Packet, dev: Device): number {
    if (this.ignoreAll) return NOT_SPECIFIED;
    const { address } = this;
    readIn6(pkt.view, pkt.l3 + DST, address);
    const multicast = isMulticast(address[0]!);
    if (multicast && this.ignoreMulticast) return NOT_SPECIFIED;
    const unicast = pkt.routeType === RTN_LOCAL;
    if (!unicast && !multicast && this.ignoreAnycast) return NOT_SPECIFIED;
    this.sender.echo(pkt, dev, unicast ? address : null);
    return CONSUMED;
  }
}
