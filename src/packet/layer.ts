/**
 * Headers as plain objects, for {@link compose} and {@link dissect}: a layer is an object with one key, its protocol, and
 * fields of which most may be left out. @module
 */
import type { Ah } from './ah.ts';
import type { Arp } from './arp.ts';
import type { Dccp } from './dccp.ts';
import type { Esp } from './esp.ts';
import type { Ethernet } from './ethernet.ts';
import type { Gre } from './gre.ts';
import type { Ipv4 } from './ipv4.ts';
import type { Ipv6 } from './ipv6.ts';
import type { Fragment } from './ipv6-ext.ts';
import type { Nd } from './nd.ts';
import type { Sctp } from './sctp.ts';
import type { Tcp } from './tcp.ts';
import type { Option } from './tcp-options.ts';
import type { Udp } from './udp.ts';
import type { Vlan } from './vlan.ts';
import type { Vxlan } from './vxlan.ts';

/** An extension header but for a fragment's: next header and length in front of `body`, together a multiple of 8 bytes. */
export interface Extension {
  readonly nextHeader?: number;
  readonly body: Uint8Array;
}

/** ICMP or ICMPv6: the second word as it stands, or as an echo's two halves. */
export interface Message {
  readonly type: number;
  readonly code?: number;
  readonly checksum?: number;
  readonly info?: number;
  readonly id?: number;
  readonly sequence?: number;
}

/** TCP: flags as a number or as letters of `FSRP.UEW` (`A` is `.`); options as bytes or as objects. */
export interface TcpFields extends Partial<Omit<Tcp, 'flags' | 'options'>> {
  readonly flags?: number | string;
  readonly options?: Uint8Array | readonly Option[];
}

type Optional<T, K extends PropertyKey> = T extends unknown
  ? Omit<T, K & keyof T> & Partial<Pick<T, K & keyof T>>
  : never;

/** The fields of every protocol. */
export interface Fields {
  readonly ethernet: Partial<Ethernet>;
  readonly vlan: Partial<Vlan>;
  readonly arp: Partial<Arp>;
  readonly ipv4: Partial<Ipv4>;
  readonly ipv6: Partial<Ipv6>;
  readonly hopByHop: Extension;
  readonly routing: Extension;
  readonly destination: Extension;
  readonly fragment: Partial<Fragment>;
  readonly icmp: Message;
  readonly icmpv6: Message;
  readonly nd: Optional<Nd, 'code' | 'checksum' | 'options' | 'flags'>;
  readonly tcp: TcpFields;
  readonly udp: Partial<Udp>;
  readonly sctp: Partial<Sctp>;
  readonly dccp: Partial<Dccp>;
  readonly gre: Partial<Gre>;
  readonly esp: Partial<Esp>;
  readonly ah: Partial<Ah>;
  readonly vxlan: Partial<Vxlan>;
}

export type LayerName = keyof Fields;

/** `{ udp: { srcPort: 4000 } }`. */
export type Layer = { readonly [K in LayerName]: { readonly [P in K]: Fields[K] } }[LayerName];

/** The one key of a layer. */
export const nameOf = (layer: Layer): LayerName => Object.keys(layer)[0] as LayerName;

/** Ethertypes of the layers that have one. */
export const ETHERTYPES: Partial<Record<LayerName, number>> = {
  vlan: 0x8100,
  arp: 0x0806,
  ipv4: 0x0800,
  ipv6: 0x86dd,
  ethernet: 0x6558,
};

/** IP protocol numbers of the layers that have one. */
export const PROTOCOLS: Partial<Record<LayerName, number>> = {
  hopByHop: 0,
  icmp: 1,
  ipv4: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  nd: 58,
  destination: 60,
  sctp: 132,
};
