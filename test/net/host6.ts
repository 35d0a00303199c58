/** A router of IPv6 for tests: fd00:1::1 on eth0 and fd00:2::1 on eth1, a neighbour ::2 on each; frames in, lines of text out. */
import type { Device } from '../../src/net/device.ts';
import { type In6, in6 } from '../../src/net/in6.ts';
import { Ipv6 } from '../../src/net/ip6.ts';
import { format6, parse6, parseMac } from '../../src/packet/address.ts';
import * as icmpv6 from '../../src/packet/icmpv6.ts';
import * as ipv6 from '../../src/packet/ipv6.ts';
import { type Frame, Host } from './host.ts';

export const ip6 = (text: string): In6 => in6(parse6(text)!);
export const text6 = (address: In6): string => format6([address[0]!, address[1]!, address[2]!, address[3]!]);

export interface Router6 {
  readonly host: Host;
  readonly ip: Ipv6;
  readonly eth0: Device;
  readonly eth1: Device;
}

export const MAC = '02:00:00:00:01:01';
const STATION = '02:00:00:00:01:02';

/** `forwarding` off makes it a host. */
export function router6(settings: Readonly<Record<string, number>> = {}): Router6 {
  const host = new Host();
  const ip = new Ipv6(host.ns);
  const { sysctl } = host.ns;
  sysctl.set('net.ipv6.conf.all.forwarding', 1);
  sysctl.set('net.ipv6.conf.default.forwarding', 1);
  sysctl.set('net.ipv6.conf.default.addr_gen_mode', 1);
  sysctl.set('net.ipv6.icmp.ratelimit', 0);
  sysctl.set('net.ipv6.auto_flowlabels', 0);
  const eth0 = host.port('eth0', MAC, []);
  const eth1 = host.port('eth1', '02:00:00:00:02:01', []);
  ip.addresses.add(eth0, ip6('fd00:1::1'), 64);
  ip.addresses.add(eth0, ip6('fe80::a1'), 64);
  ip.addresses.add(eth1, ip6('fd00:2::1'), 64);
  ip.addresses.add(eth1, ip6('fe80::b1'), 64);
  ip.neigh.add6(eth0, ip6('fd00:1::2'), parseMac(STATION)!);
  ip.neigh.add6(eth1, ip6('fd00:2::2'), parseMac('02:00:00:00:02:02')!);
  for (const [key, value] of Object.entries(settings)) sysctl.set(key, value);
  return { host, ip, eth0, eth1 };
}

export interface Ipv6Frame {
  readonly src?: string;
  readonly dst?: string;
  readonly next?: number;
  readonly hops?: number;
  readonly payload?: Uint8Array;
  readonly mac?: string;
}

/** An Ethernet frame with an IPv6 packet, by default from the neighbour on eth0 to the one on eth1. */
export function ipv6Frame(fields: Ipv6Frame = {}): Uint8Array {
  const {
    src = 'fd00:1::2',
    dst = 'fd00:2::2',
    next = 253,
    hops = 64,
    payload = new Uint8Array(0),
    mac = MAC,
  } = fields;
  const frame = new Uint8Array(54 + payload.length);
  const v = new DataView(frame.buffer);
  frame.set(parseMac(mac)!, 0);
  frame.set(parseMac(STATION)!, 6);
  v.setUint16(12, 0x86dd);
  ipv6.emit(
    { trafficClass: 0, flowLabel: 0, payloadLength: payload.length, nextHeader: next, hopLimit: hops, src, dst },
    v,
    14,
  );
  frame.set(payload, 54);
  return frame;
}

/** The same with an ICMPv6 message; `body` is what follows its checksum. */
export function icmp6Frame(type: number, body: Uint8Array, fields: Ipv6Frame = {}): Uint8Array {
  const payload = new Uint8Array(4 + body.length);
  payload[0] = type;
  payload.set(body, 4);
  const frame = ipv6Frame({ ...fields, next: 58, payload });
  const v = new DataView(frame.buffer);
  icmpv6.fillChecksum(v, 54, frame.length, ipv6.pseudo(v, 14, 58, frame.length - 54));
  return frame;
}

/** A neighbour discovery message about `target`, with an address in option `option`. */
export function ndFrame(
  type: number,
  target: string,
  fields: Ipv6Frame,
  option: { readonly type: number; readonly mac: string } | null = null,
  flags = 0,
): Uint8Array {
  const body = new Uint8Array(option === null ? 20 : 28);
  const v = new DataView(body.buffer);
  v.setUint8(0, flags);
  ipv6.writeAddress(v, 4, parse6(target)!);
  if (option !== null) {
    body.set([option.type, 1], 20);
    body.set(parseMac(option.mac)!, 22);
  }
  return icmp6Frame(type, body, { hops: 255, ...fields });
}

/** A fragment of `payload`. */
export function fragmentFrame(id: number, offset: number, more: boolean, data: Uint8Array, next = 253): Uint8Array {
  const payload = new Uint8Array(8 + data.length);
  const v = new DataView(payload.buffer);
  v.setUint8(0, next);
  v.setUint16(2, offset | Number(more));
  v.setUint32(4, id);
  payload.set(data, 8);
  return ipv6Frame({ dst: 'fd00:1::1', next: 44, payload });
}

/** What left, as `port source > destination next type/code`. */
export const shown = (frames: readonly Frame[]): string[] =>
  frames.map(({ port, bytes }) => {
    const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const { src, dst, nextHeader } = ipv6.parse(v, 14, bytes.length);
    const what = nextHeader === 58 ? `icmp6 ${v.getUint8(54)}/${v.getUint8(55)}` : String(nextHeader);
    return `${port} ${src} > ${dst} ${what}`;
  });
