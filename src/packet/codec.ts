/** How each layer of layer.ts becomes bytes: its size, its header with defaults filled in, its checksum. @module */
import * as ah from './ah.ts';
import * as arp from './arp.ts';
import * as sum from './checksum.ts';
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
import {
  ETHERTYPES,
  type Extension,
  type Fields,
  type LayerName,
  type Message,
  PROTOCOLS,
  type TcpFields,
} from './layer.ts';
import * as nd from './nd.ts';
import * as sctp from './sctp.ts';
import * as tcp from './tcp.ts';
import * as tcpOptions from './tcp-options.ts';
import * as udp from './udp.ts';
import * as vlan from './vlan.ts';
import * as vxlan from './vxlan.ts';

/** The sum of a pseudo header for `length` bytes of protocol `protocol`. */
export type Pseudo = (protocol: number, length: number) => number;

/** One kind of layer. `at` is its first byte; it and what it carries end at `end`. */
export interface Codec<T> {
  /** Bytes of the header. */
  size(fields: T): number;
  /** Write the header; `next` is the layer that follows. A checksum that is not given is written as zero. */
  emit(fields: T, v: DataView, at: number, end: number, next: LayerName | undefined): void;
  /** Compute the checksum, if it is not given. */
  fill?(fields: T, v: DataView, at: number, end: number, pseudo: Pseudo): void;
}

const NO_BYTES = new Uint8Array(0);
const NO_MAC = '00:00:00:00:00:00';

const fixed = (bytes: number) => (): number => bytes;
const ethertype = (next: LayerName | undefined): number => (next && ETHERTYPES[next]) ?? 0;
const protocolOf = (next: LayerName | undefined, none: number): number => (next && PROTOCOLS[next]) ?? none;

const extension: Codec<Extension> = {
  size: ({ body }) => 2 + body.length,
  emit({ nextHeader, body }, v, at, _end, next) {
    if (body.length % 8 !== 6) throw new PacketError('ipv6', `extension header of ${body.length + 2} bytes`);
    v.setUint8(at, nextHeader ?? protocolOf(next, ipv6Ext.NONE));
    v.setUint8(at + 1, (body.length + 2) / 8 - 1);
    new Uint8Array(v.buffer, v.byteOffset).set(body, at + 2);
  },
};

const message = ({ type, code = 0, checksum = 0, info, id = 0, sequence = 0 }: Message): icmp.Icmp => ({
  type,
  code,
  checksum,
  info: info ?? id * 0x10000 + sequence,
});

const FLAG_LETTERS: Record<string, number> = {
  F: tcp.FIN,
  S: tcp.SYN,
  R: tcp.RST,
  P: tcp.PSH,
  A: tcp.ACK,
  '.': tcp.ACK,
  U: tcp.URG,
  E: tcp.ECE,
  W: tcp.CWR,
};

function tcpFlags(flags: TcpFields['flags'] = 0): number {
  if (typeof flags === 'number') return flags;
  let bits = 0;
  for (const letter of flags) {
    const bit = FLAG_LETTERS[letter];
    if (bit === undefined) throw new PacketError('tcp', `no flag ${letter}`);
    bits |= bit;
  }
  return bits;
}

const tcpOptionBytes = ({ options = NO_BYTES }: TcpFields): Uint8Array =>
  options instanceof Uint8Array ? options : tcpOptions.emit(options);

/** Flags of GRE: those given, and those of the fields that are. */
const greFlags = (g: Fields['gre']): number =>
  (g.flags ?? 0) |
  (g.checksum === undefined ? 0 : gre.CSUM) |
  (g.key === undefined ? 0 : gre.KEY) |
  (g.sequence === undefined ? 0 : gre.SEQ);

const ndMessage = (f: Fields['nd']): nd.Nd => ({ code: 0, checksum: 0, options: NO_BYTES, flags: 0, ...f }) as nd.Nd;

/** Every kind of layer. */
export const codecs: { readonly [K in LayerName]: Codec<Fields[K]> } = {
  ethernet: {
    size: fixed(ethernet.HEADER_LEN),
    emit: (f, v, at, _end, next) => ethernet.emit({ dst: NO_MAC, src: NO_MAC, type: ethertype(next), ...f }, v, at),
  },
  vlan: {
    size: fixed(vlan.HEADER_LEN),
    emit: (f, v, at, _end, next) =>
      vlan.emit({ priority: 0, dropEligible: false, id: 0, type: ethertype(next), ...f }, v, at),
  },
  arp: {
    size: fixed(arp.HEADER_LEN),
    emit: (f, v, at) => arp.emit({ ...ARP_DEFAULTS, ...f }, v, at),
  },
  ipv4: {
    size: (f) => ipv4.HEADER_LEN + (f.options ?? NO_BYTES).length,
    emit: (f, v, at, end, next) =>
      ipv4.emit({ ...IPV4_DEFAULTS, totalLength: end - at, protocol: protocolOf(next, 0), ...f }, v, at),
    fill(f, v, at) {
      if (f.checksum === undefined) ipv4.fillChecksum(v, at);
    },
  },
  ipv6: {
    size: fixed(ipv6.HEADER_LEN),
    emit(f, v, at, end, next) {
      const payloadLength = end - at - ipv6.HEADER_LEN;
      ipv6.emit({ ...IPV6_DEFAULTS, payloadLength, nextHeader: protocolOf(next, ipv6Ext.NONE), ...f }, v, at);
    },
  },
  hopByHop: extension,
  routing: extension,
  destination: extension,
  fragment: {
    size: fixed(ipv6Ext.FRAGMENT_LEN),
    emit: (f, v, at, _end, next) =>
      ipv6Ext.emit({ nextHeader: protocolOf(next, ipv6Ext.NONE), offset: 0, more: false, id: 0, ...f }, v, at),
  },
  icmp: {
    size: fixed(icmp.HEADER_LEN),
    emit: (f, v, at) => icmp.emit(message(f), v, at),
    fill(f, v, at, end) {
      if (f.checksum === undefined) icmp.fillChecksum(v, at, end);
    },
  },
  icmpv6: {
    size: fixed(icmpv6.HEADER_LEN),
    emit: (f, v, at) => icmpv6.emit(message(f), v, at),
    fill(f, v, at, end, pseudo) {
      if (f.checksum === undefined) icmpv6.fillChecksum(v, at, end, pseudo(ipv4.ICMPV6, end - at));
    },
  },
  nd: {
    size: (f) => nd.optionsOffset(f.type) + (f.options ?? NO_BYTES).length,
    emit: (f, v, at) => nd.emit(ndMessage(f), v, at),
    fill(f, v, at, end, pseudo) {
      if (f.checksum === undefined) icmpv6.fillChecksum(v, at, end, pseudo(ipv4.ICMPV6, end - at));
    },
  },
  tcp: {
    size: (f) => tcp.HEADER_LEN + tcpOptionBytes(f).length,
    emit: (f, v, at) =>
      tcp.emit({ ...TCP_DEFAULTS, ...f, flags: tcpFlags(f.flags), options: tcpOptionBytes(f) }, v, at),
    fill(f, v, at, end, pseudo) {
      if (f.checksum === undefined) tcp.fillChecksum(v, at, end, pseudo(ipv4.TCP, end - at));
    },
  },
  udp: {
    size: fixed(udp.HEADER_LEN),
    emit: (f, v, at, end) => udp.emit({ srcPort: 0, dstPort: 0, length: end - at, checksum: 0, ...f }, v, at),
    fill(f, v, at, end, pseudo) {
      if (f.checksum === undefined) udp.fillChecksum(v, at, end, pseudo(ipv4.UDP, udp.length(v, at)));
    },
  },
  sctp: {
    size: fixed(sctp.HEADER_LEN),
    emit: (f, v, at) => sctp.emit({ srcPort: 0, dstPort: 0, tag: 0, checksum: 0, ...f }, v, at),
    fill(f, v, at, end) {
      if (f.checksum === undefined) sctp.fillChecksum(v, at, end);
    },
  },
  dccp: {
    size: (f) => (f.extended === false ? dccp.HEADER_LEN : 16),
    emit: (f, v, at) =>
      dccp.emit({ ...DCCP_DEFAULTS, headerLength: f.extended === false ? dccp.HEADER_LEN : 16, ...f }, v, at),
    fill(f, v, at, end, pseudo) {
      if (f.checksum === undefined)
        dccp.setChecksum(v, at, sum.finish(sum.add(v, at, end, pseudo(ipv4.DCCP, end - at))));
    },
  },
  gre: {
    size: (f) => gre.lengthOf(greFlags(f)),
    emit: (f, v, at, _end, next) => {
      gre.emit({ protocol: ethertype(next), ...f, flags: greFlags(f) }, v, at);
    },
    fill(f, v, at, end) {
      const wanted = f.checksum === undefined && (greFlags(f) & gre.CSUM) !== 0 && gre.version(v, at) === 0;
      if (wanted) gre.setChecksum(v, at, sum.checksum(v, at, end));
    },
  },
  esp: { size: fixed(esp.HEADER_LEN), emit: (f, v, at) => esp.emit({ spi: 0, seq: 0, ...f }, v, at) },
  ah: {
    size: (f) => ah.HEADER_LEN + (f.icv ?? NO_BYTES).length,
    emit: (f, v, at, _end, next) =>
      ah.emit({ nextHeader: protocolOf(next, ipv6Ext.NONE), reserved: 0, spi: 0, seq: 0, icv: NO_BYTES, ...f }, v, at),
  },
  vxlan: {
    size: fixed(vxlan.HEADER_LEN),
    emit: (f, v, at) => vxlan.emit({ flags: vxlan.VNI_VALID, vni: 0, reserved: 0, ...f }, v, at),
  },
};

const ARP_DEFAULTS: arp.Arp = {
  hardwareType: arp.ARPHRD_ETHER,
  protocolType: ethernet.ETH_P_IP,
  operation: arp.REQUEST,
  senderMac: NO_MAC,
  senderIp: '0.0.0.0',
  targetMac: NO_MAC,
  targetIp: '0.0.0.0',
};
const IPV4_DEFAULTS = {
  tos: 0,
  id: 0,
  fragment: 0,
  ttl: 64,
  checksum: 0,
  src: '0.0.0.0',
  dst: '0.0.0.0',
  options: NO_BYTES,
} as const;
const IPV6_DEFAULTS = { trafficClass: 0, flowLabel: 0, hopLimit: 64, src: '::', dst: '::' } as const;
const TCP_DEFAULTS = {
  srcPort: 0,
  dstPort: 0,
  seq: 0,
  ack: 0,
  reserved: 0,
  window: 65535,
  checksum: 0,
  urgent: 0,
} as const;
const DCCP_DEFAULTS = {
  srcPort: 0,
  dstPort: 0,
  ccval: 0,
  coverage: 0,
  checksum: 0,
  type: dccp.REQUEST,
  extended: true,
  seq: 0,
} as const;
