/**
 * A frame to plain objects, as far down as its headers are whole and write back to the same bytes: the inverse of
 * {@link compose}. What is not understood stays payload, so this never fails. @module
 */
import * as ah from './ah.ts';
import * as arp from './arp.ts';
import { type Codec, codecs } from './codec.ts';
import * as dccp from './dccp.ts';
import { PacketError } from './error.ts';
import * as esp from './esp.ts';
import * as ethernet from './ethernet.ts';
import * as gre from './gre.ts';
import * as icmp from './icmp.ts';
import * as icmpv6 from './icmpv6.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import * as ipv6Ext from './ipv6-ext.ts';
import { ETHERTYPES, type Fields, type Layer, type LayerName, PROTOCOLS } from './layer.ts';
import * as nd from './nd.ts';
import * as sctp from './sctp.ts';
import * as tcp from './tcp.ts';
import * as tcpOptions from './tcp-options.ts';
import * as udp from './udp.ts';
import * as vlan from './vlan.ts';
import * as vxlan from './vxlan.ts';

/** Layers with every field given, what they carry, and what lies behind the outermost IP packet. */
export interface Dissected {
  readonly layers: readonly Layer[];
  readonly payload: Uint8Array;
  readonly trailer: Uint8Array;
}

/** One header as it was read: the layer after it, and where the packet that it begins ends, if it says so. */
interface Read<T> {
  readonly fields: T;
  readonly next?: LayerName | undefined;
  readonly end?: number;
}

type Reader<T> = (v: DataView, at: number, end: number) => Read<T>;

/** `compose(layers, payload, trailer)` gives `frame` again, byte for byte. Begins with Ethernet unless told otherwise. */
export function dissect(frame: Uint8Array, first: LayerName = 'ethernet'): Dissected {
  const v = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const layers: Layer[] = [];
  let name: LayerName | undefined = first;
  let at = 0;
  let end = frame.length;
  let ends = false;
  while (name !== undefined) {
    const read = readWhole(name, v, at, end);
    const moved = read?.end !== undefined && read.end !== end;
    // A packet in a packet that ends before it: only the outermost has a trailer to keep the rest in.
    if (read === undefined || (moved && ends)) break;
    layers.push({ [name]: read.fields } as unknown as Layer);
    ends ||= read.end !== undefined;
    end = read.end ?? end;
    at += (codecs[name] as Codec<unknown>).size(read.fields);
    name = read.next;
  }
  return { layers, payload: frame.slice(at, end), trailer: frame.slice(end) };
}

/** A header that is whole, and that its codec writes as it stands. */
function readWhole(name: LayerName, v: DataView, at: number, end: number): Read<Fields[LayerName]> | undefined {
  try {
    const read = (readers[name] as Reader<Fields[LayerName]>)(v, at, end);
    const codec = codecs[name] as Codec<Fields[LayerName]>;
    const size = codec.size(read.fields);
    if (size > end - at) return undefined;
    const again = new DataView(new ArrayBuffer(size));
    codec.emit(read.fields, again, 0, size, undefined);
    for (let i = 0; i < size; i++) if (again.getUint8(i) !== v.getUint8(at + i)) return undefined;
    return read;
  } catch (error) {
    if (error instanceof PacketError) return undefined;
    throw error;
  }
}

const invert = (numbers: Partial<Record<LayerName, number>>): Map<number, LayerName> =>
  new Map(Object.entries(numbers).map(([name, number]) => [number, name as LayerName]));

const byEthertype = invert({ ...ETHERTYPES, ethernet: gre.TEB }).set(ethernet.ETH_P_8021AD, 'vlan');
const byProtocol = invert(PROTOCOLS).set(ipv4.ICMPV6, 'icmpv6');
const VXLAN_PORTS = [vxlan.IANA_PORT, vxlan.LINUX_PORT];

const extension: Reader<Fields['hopByHop']> = (v, at, end) => {
  if (ipv6Ext.check(v, at, end, ipv6Ext.HOP) !== 0) throw new PacketError('ipv6', 'extension header cut short');
  const nextHeader = ipv6Ext.nextHeader(v, at);
  const size = ipv6Ext.headerLength(v, at, ipv6Ext.HOP);
  const body = new Uint8Array(v.buffer, v.byteOffset + at + 2, size - 2).slice();
  return { fields: { nextHeader, body }, next: byProtocol.get(nextHeader) };
};

const readers: { readonly [K in LayerName]: Reader<Fields[K]> } = {
  ethernet(v, at, end) {
    const fields = ethernet.parse(v, at, end);
    return { fields, next: link(fields.type) };
  },
  vlan(v, at, end) {
    const fields = vlan.parse(v, at, end);
    return { fields, next: link(fields.type) };
  },
  arp: (v, at, end) => ({ fields: arp.parse(v, at, end) }),
  ipv4(v, at, end) {
    const fields = ipv4.parse(v, at, end);
    const later = (fields.fragment & ipv4.OFFSET_MASK) !== 0;
    return { fields, next: later ? undefined : byProtocol.get(fields.protocol), end: at + fields.totalLength };
  },
  ipv6(v, at, end) {
    const fields = ipv6.parse(v, at, end);
    return { fields, next: byProtocol.get(fields.nextHeader), end: at + ipv6.HEADER_LEN + fields.payloadLength };
  },
  hopByHop: extension,
  routing: extension,
  destination: extension,
  fragment(v, at, end) {
    const fields = ipv6Ext.parse(v, at, end);
    return { fields, next: fields.offset > 0 ? undefined : byProtocol.get(fields.nextHeader) };
  },
  icmp(v, at, end) {
    const fields = icmp.parse(v, at, end);
    return { fields, next: icmp.isError(fields.type) ? 'ipv4' : undefined };
  },
  icmpv6(v, at, end) {
    const fields = icmpv6.parse(v, at, end);
    return { fields, next: icmpv6.isError(fields.type) ? 'ipv6' : undefined };
  },
  nd: (v, at, end) => ({ fields: nd.parse(v, at, end) }),
  tcp(v, at, end) {
    const fields = tcp.parse(v, at, end);
    return { fields: { ...fields, options: readableOptions(fields.options) } };
  },
  udp(v, at, end) {
    const fields = udp.parse(v, at, end);
    return { fields, next: VXLAN_PORTS.includes(fields.dstPort) ? 'vxlan' : undefined };
  },
  sctp: (v, at, end) => ({ fields: sctp.parse(v, at, end) }),
  dccp: (v, at, end) => ({ fields: dccp.parse(v, at, end) }),
  gre(v, at, end) {
    const fields = gre.parse(v, at, end);
    return { fields, next: byEthertype.get(fields.protocol) };
  },
  esp: (v, at, end) => ({ fields: esp.parse(v, at, end) }),
  ah(v, at, end) {
    const fields = ah.parse(v, at, end);
    return { fields, next: byProtocol.get(fields.nextHeader) };
  },
  vxlan: (v, at, end) => ({ fields: vxlan.parse(v, at, end), next: 'ethernet' }),
};

/** The layer behind Ethernet or a tag; transparent Ethernet is GRE's alone. */
const link = (type: number): LayerName | undefined => (type === gre.TEB ? undefined : byEthertype.get(type));

/** TCP options as objects if they write back to the same bytes. */
function readableOptions(bytes: Uint8Array): Uint8Array | tcpOptions.Option[] {
  try {
    const options = tcpOptions.parse(bytes);
    return tcpOptions.emit(options).every((byte, i) => byte === bytes[i]) ? options : bytes;
  } catch (error) {
    if (error instanceof PacketError) return bytes;
    throw error;
  }
}
