/** ARP as print-arp.c of tcpdump prints it. @module */
import { format4 } from '../address.ts';
import * as arp from '../arp.ts';
import { ETH_P_IP } from '../ethernet.ts';
import { ethertypeName } from './ethertype.ts';
import { cut, hexNumber } from './segment.ts';

const FIXED_LEN = 8;
const ARP_HARDWARE: Readonly<Record<number, string>> = {
  1: 'Ethernet',
  6: 'TokenRing',
  15: 'FrameRelay',
  24: 'IEEE1394',
};
const OPERATIONS: Readonly<Record<number, string>> = {
  1: 'Request',
  2: 'Reply',
  3: 'Reverse Request',
  4: 'Reverse Reply',
  8: 'Inverse Request',
  9: 'Inverse Reply',
  10: 'NACK Reply',
};

/** `Request who-has 10.0.0.2 tell 10.0.0.1, length 28`; `family` ("ARP, ", or nothing) stands before it. */
export function describeArp(v: DataView, at: number, end: number, family: string): string {
  if (end - at < FIXED_LEN) return cut('arp');
  const [macs, ips] = [arp.hardwareLength(v, at), arp.protocolLength(v, at)];
  if (end - at < FIXED_LEN + 2 * (macs + ips)) return cut('arp');
  const ip = arp.protocolType(v, at) === ETH_P_IP && ips === 4 && macs !== 0;
  return `${family}${ip ? question(v, at, macs) : addresses(v, at)}, length ${end - at}`;
}

function addresses(v: DataView, at: number): string {
  const hardware = arp.hardwareType(v, at);
  const protocol = arp.protocolType(v, at);
  const from = ARP_HARDWARE[hardware] ?? `Unknown Hardware (${hardware})`;
  const to = ethertypeName(protocol) ?? `Unknown Protocol (${hexNumber(protocol, 4)})`;
  return `${from} (len ${arp.hardwareLength(v, at)}), ${to} (len ${arp.protocolLength(v, at)})`;
}

function question(v: DataView, at: number, macs: number): string {
  const operation = arp.operation(v, at);
  const senderMac = mac(v, at + FIXED_LEN, macs);
  const senderIp = format4(v.getInt32(at + FIXED_LEN + macs));
  const targetMac = mac(v, at + FIXED_LEN + macs + 4, macs);
  const targetIp = format4(v.getInt32(at + FIXED_LEN + 2 * macs + 4));
  const name = OPERATIONS[operation] ?? `Unknown (${operation})`;
  switch (operation) {
    case arp.REQUEST:
      return `${name} who-has ${targetIp}${/[^0:]/.test(targetMac) ? ` (${targetMac})` : ''} tell ${senderIp}`;
    case arp.REPLY:
      return `${name} ${senderIp} is-at ${senderMac}`;
    case arp.RREQUEST:
    case arp.IN_REQUEST:
      return `${name} who-is ${targetMac} tell ${senderMac}`;
    case arp.RREPLY:
      return `${name} ${targetMac} at ${targetIp}`;
    case arp.IN_REPLY:
      return `${name} ${senderMac} at ${senderIp}`;
    default:
      return name;
  }
}

const mac = (v: DataView, at: number, bytes: number): string =>
  Array.from({ length: bytes }, (_, i) =>
    v
      .getUint8(at + i)
      .toString(16)
      .padStart(2, '0'),
  ).join(':');
