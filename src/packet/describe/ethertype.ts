/** tcpdump's names of ethertypes. @module */
import { hexNumber } from './segment.ts';

const NAMES: Readonly<Record<number, string>> = {
  2048: 'IPv4',
  2054: 'ARP',
  25944: 'TEB',
  32821: 'Reverse ARP',
  33024: '802.1Q',
  34525: 'IPv6',
  34824: 'Slow Protocols',
  34887: 'MPLS unicast',
  34888: 'MPLS multicast',
  34915: 'PPPoE D',
  34916: 'PPPoE S',
  34958: 'EAPOL',
  34984: '802.1Q-QinQ',
  35020: 'LLDP',
  35045: 'MACsec',
  35063: 'PTP',
  36864: 'Loopback',
  37120: '802.1Q-9100',
};

/** Its name, if it has one. */
export const ethertypeName = (type: number): string | undefined => NAMES[type];

/** `IPv4 (0x0800)`. */
export const ethertypeText = (type: number): string => `${NAMES[type] ?? 'Unknown'} (${hexNumber(type, 4)})`;
