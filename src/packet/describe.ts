/**
 * A frame as one line, in the words of tcpdump 4.99 with `-nn -t -S`, or with `link: true` as with `-e` too.
 *
 *     IP 10.0.0.1.40000 > 10.0.0.2.80: Flags [S], seq 1, win 64240, options [mss 1460], length 0
 *     ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28
 *
 * It differs from tcpdump where that guesses a payload from its port (here: `UDP, length 40`), prints hexadecimal dumps or
 * further lines (here: one line, a tunnel's inner frame behind `: `), or knows protocols that have no file in this folder
 * (here: their number). Port 8472 is VXLAN, as in Linux, not OTV. No space at the end. Whatever the bytes are, it does
 * not throw. @module
 */
import { formatMac } from './address.ts';
import { describeArp } from './describe/arp.ts';
import { ethertypeText } from './describe/ethertype.ts';
import { describeIpv4, describeIpv6 } from './describe/ip.ts';
import { cut, type Inner } from './describe/segment.ts';
import * as ethernet from './ethernet.ts';
import * as vlan from './vlan.ts';

export interface DescribeOptions {
  /** Print Ethernet addresses, ethertype, frame length and VLAN tags. */
  readonly link?: boolean;
}

/** Packets in packets beyond this are not printed: a frame of nothing but headers nests thousands deep. */
const MAX_DEPTH = 16;
/** Up to here the type field is a length, and LLC follows. */
const MAX_LENGTH = 1500;

/** The line of the Ethernet frame in [at, end). Never throws. */
export const describe = (v: DataView, at: number, end: number, options: DescribeOptions = {}): string =>
  new Describer(options.link ?? false).frame(v, at, end).trimEnd();

class Describer implements Inner {
  readonly link: boolean;
  private depth = 0;

  constructor(link: boolean) {
    this.link = link;
  }

  frame(v: DataView, at: number, end: number): string {
    if (end - at < ethernet.HEADER_LEN) return cut('ether');
    let type = ethernet.type(v, at);
    let text = `${linkAddresses(v, at)}, `;
    text += type <= MAX_LENGTH ? `802.3, length ${end - at}` : `ethertype ${ethertypeText(type)}, length ${end - at}: `;
    if (type <= MAX_LENGTH) return text;
    let payload = at + ethernet.HEADER_LEN;
    for (; vlan.isTag(type); payload += vlan.HEADER_LEN) {
      if (end - payload < vlan.HEADER_LEN) return (this.link ? `${linkAddresses(v, at)}, ` : '') + cut('vlan');
      type = vlan.type(v, payload);
      text += tag(v, payload);
    }
    const network = this.network(type, v, payload, end);
    if (network === undefined) return this.link ? text.replace(/[:,] $/, '') : unknown(v, at, end, type);
    return (this.link ? text : '') + network;
  }

  network(ethertype: number, v: DataView, at: number, end: number): string | undefined {
    if (this.depth === MAX_DEPTH) return '[nested too deep]';
    this.depth++;
    const text = this.print(ethertype, v, at, end);
    this.depth--;
    return text;
  }

  private print(ethertype: number, v: DataView, at: number, end: number): string | undefined {
    switch (ethertype) {
      case ethernet.ETH_P_IP:
        return describeIpv4(v, at, end, this.link ? '' : 'IP ', this);
      case ethernet.ETH_P_IPV6:
        return describeIpv6(v, at, end, this.link ? '' : 'IP6 ', this);
      case ethernet.ETH_P_ARP:
        return describeArp(v, at, end, this.link ? '' : 'ARP, ');
      default:
        return undefined;
    }
  }
}

function linkAddresses(v: DataView, at: number): string {
  const bytes = new Uint8Array(v.buffer, v.byteOffset + at, 12);
  return `${formatMac(bytes, 6)} > ${formatMac(bytes)}`;
}

const tag = (v: DataView, at: number): string =>
  `vlan ${vlan.id(v, at)}, p ${vlan.priority(v, at)}${vlan.isDropEligible(v, at) ? ', DEI' : ''}, ethertype ${ethertypeText(vlan.type(v, at))}, `;

/** Without link-layer headers they are printed all the same when there is nothing else to print. */
const unknown = (v: DataView, at: number, end: number, type: number): string =>
  `${linkAddresses(v, at)}, ethertype ${ethertypeText(type)}, length ${end - at}`;
