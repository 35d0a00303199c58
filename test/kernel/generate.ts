/** Random rule sets and the packets that are aimed at them, from a seed: material for the differential test. */
import * as ethernet from '../../src/packet/ethernet.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import * as tcp from '../../src/packet/tcp.ts';
import * as udp from '../../src/packet/udp.ts';
import { Random } from '../../src/sim/random.ts';

export interface Frame {
  readonly port: string;
  readonly bytes: Uint8Array;
}

export interface Experiment {
  readonly seed: number;
  readonly rules: string;
  readonly frames: readonly Frame[];
}

/** Two wires of one router; behind each, two hosts. */
export const PORTS = {
  a: { name: 'eth0', mac: '02:00:00:00:01:01' },
  b: { name: 'eth1', mac: '02:00:00:00:02:01' },
} as const;

interface Host {
  readonly port: keyof typeof PORTS;
  readonly address: string;
  readonly mac: string;
}

export const HOSTS: readonly Host[] = [
  { port: 'a', address: '10.0.1.2', mac: '02:00:00:00:01:02' },
  { port: 'a', address: '10.0.1.3', mac: '02:00:00:00:01:03' },
  { port: 'b', address: '10.0.2.2', mac: '02:00:00:00:02:02' },
  { port: 'b', address: '10.0.2.3', mac: '02:00:00:00:02:03' },
];
export const ADDRESSES = { a: '10.0.1.1', b: '10.0.2.1' } as const;
const VIP = '10.96.0.10';
const DPORTS = [53, 80, 443, 8080];

class Chooser {
  private readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  below(n: number): number {
    return this.random.below(n);
  }

  one<T>(of: readonly T[]): T {
    return of[this.random.below(of.length)]!;
  }

  maybe<T>(percent: number, value: () => T, otherwise: T): T {
    return this.random.below(100) < percent ? value() : otherwise;
  }
}

const not = (r: Chooser): string => r.maybe(15, () => '! ', '');

function addresses(r: Chooser): string {
  const source = r.maybe(30, () => `${not(r)}-s ${r.one(['10.0.1.0/24', '10.0.1.2/32', '10.0.2.2/31'])} `, '');
  const destination = r.maybe(30, () => `${not(r)}-d ${r.one(['10.0.2.0/24', '10.0.2.3/32', `${VIP}/32`])} `, '');
  return source + destination;
}

function protocol(r: Chooser): string {
  return r.one([
    () => '',
    () => `-p tcp -m tcp ${not(r)}--dport ${r.one(DPORTS)} `,
    () => `-p udp -m udp --dport ${r.one(['53', '80:443', '1024:65535'])} `,
    () => `-p icmp -m icmp --icmp-type ${r.one(['8', '0', '3'])} `,
    () => `-p tcp -m multiport --dports ${r.one(['80,443', '53,8080', '1:100'])} `,
    () => `-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ${r.one(['SYN', 'SYN,ACK', 'RST'])} `,
  ])();
}

function matches(r: Chooser): string {
  return r.maybe(
    45,
    () =>
      r.one([
        () => `-m conntrack ${not(r)}--ctstate ${r.one(['NEW', 'RELATED,ESTABLISHED', 'INVALID', 'DNAT'])} `,
        () => `-m mark ${not(r)}--mark ${r.one(['0x1', '0x2/0x3', '0x0/0x1'])} `,
        () => `-m length --length ${r.one(['0:60', '40', '61:1500'])} `,
        () => `-m ttl --ttl-${r.one(['eq 63', 'lt 5', 'gt 10'])} `,
        () => `-m statistic --mode nth --every ${r.one([2, 3])} --packet 0 `,
        () => `-m addrtype --dst-type ${r.one(['LOCAL', 'UNICAST'])} `,
        () => `-m iprange --src-range 10.0.1.2-10.0.2.2 `,
        () => `-m connmark --mark ${r.one(['0x1', '0x0'])} `,
      ])(),
    '',
  );
}

/** Never nothing: a rule that catches every packet hides the ones behind it. */
function match(r: Chooser): string {
  const words = addresses(r) + protocol(r) + matches(r);
  return words === '' ? match(r) : words;
}

function filterTarget(r: Chooser): string {
  return r.one(['ACCEPT', 'ACCEPT', 'DROP', 'RETURN', 'U1', 'U2', 'REJECT --reject-with icmp-port-unreachable']);
}

const markTarget = (r: Chooser): string =>
  r.one(['MARK --set-xmark 0x1/0x1', 'MARK --set-xmark 0x2/0x3', 'CONNMARK --save-mark', 'CONNMARK --restore-mark']);

const repeat = (n: number, line: () => string): string[] => Array.from({ length: n }, line);

function filterTable(r: Chooser): string[] {
  const chain = (name: string, target: () => string) =>
    repeat(1 + r.below(4), () => `-A ${name} ${match(r)}-j ${target()}`);
  return [
    '*filter',
    `:FORWARD ${r.one(['ACCEPT', 'ACCEPT', 'DROP'])} [0:0]`,
    ':U1 - [0:0]',
    ':U2 - [0:0]',
    ...chain('FORWARD', () => filterTarget(r)),
    ...chain('INPUT', () => filterTarget(r)),
    ...chain('U1', () => r.one(['ACCEPT', 'RETURN', 'DROP', 'U2'])),
    ...chain('U2', () => r.one(['ACCEPT', 'RETURN'])),
    'COMMIT',
  ];
}

function mangleTable(r: Chooser): string[] {
  return ['*mangle', ...repeat(1 + r.below(4), () => `-A PREROUTING ${match(r)}-j ${markTarget(r)}`), 'COMMIT'];
}

/** Translations that need no chance: no two flows of the frames below can end in one tuple. */
function natTable(r: Chooser): string[] {
  const destination = () => r.one(['10.0.2.2', '10.0.2.2:8080', '10.0.2.3:80']);
  const lines = repeat(
    1 + r.below(3),
    () => `-A PREROUTING -d ${VIP}/32 -p ${r.one(['tcp', 'udp'])} -j DNAT --to-destination ${destination()}`,
  );
  const source = r.maybe(
    50,
    () => [`-A POSTROUTING ${addresses(r)}-o eth1 -j ${r.one(['MASQUERADE', 'SNAT --to-source 10.0.2.1'])}`],
    [],
  );
  return ['*nat', ...lines, ...source, 'COMMIT'];
}

interface Transport {
  readonly protocol: number;
  readonly bytes: Uint8Array;
}

/** An Ethernet frame with an IPv4 packet in it, checksums right. */
function frame(r: Chooser, from: Host, dst: string, transport: Transport): Uint8Array {
  const [l3, l4] = [ethernet.HEADER_LEN, ethernet.HEADER_LEN + ipv4.HEADER_LEN];
  const bytes = new Uint8Array(l4 + transport.bytes.length);
  const v = new DataView(bytes.buffer);
  ethernet.emit({ dst: PORTS[from.port].mac, src: from.mac, type: ethernet.ETH_P_IP }, v, 0);
  const header = {
    tos: r.maybe(20, () => 0x10, 0),
    totalLength: bytes.length - l3,
    id: 1 + r.below(65_535),
    fragment: r.maybe(50, () => ipv4.DF, 0),
    ttl: r.maybe(10, () => 1 + r.below(3), 64),
    protocol: transport.protocol,
    checksum: 0,
    src: from.address,
    dst,
    options: new Uint8Array(0),
  };
  ipv4.emit(header, v, l3);
  ipv4.fillChecksum(v, l3);
  bytes.set(transport.bytes, l4);
  if (transport.protocol === ipv4.TCP) tcp.fillChecksum(v, l4, bytes.length, ipv4.pseudo(v, l3, bytes.length - l4));
  if (transport.protocol === ipv4.UDP) udp.fillChecksum(v, l4, bytes.length, ipv4.pseudo(v, l3, bytes.length - l4));
  return bytes;
}

function segment(srcPort: number, dstPort: number, flags: number, seq: number, ack: number): Transport {
  const bytes = new Uint8Array(tcp.HEADER_LEN);
  const plain = { reserved: 0, window: 64_240, checksum: 0, urgent: 0, options: new Uint8Array(0) };
  tcp.emit({ ...plain, srcPort, dstPort, seq, ack, flags }, new DataView(bytes.buffer), 0);
  return { protocol: ipv4.TCP, bytes };
}

function datagram(srcPort: number, dstPort: number, payload: number): Transport {
  const bytes = new Uint8Array(udp.HEADER_LEN + payload);
  udp.emit({ srcPort, dstPort, length: bytes.length, checksum: 0 }, new DataView(bytes.buffer), 0);
  return { protocol: ipv4.UDP, bytes };
}

function echo(id: number, type: number): Transport {
  const bytes = Uint8Array.of(type, 0, 0, 0, id >> 8, id & 255, 0, 1);
  const sum = ((type << 8) + id + 1) % 0xffff;
  bytes[2] = (~sum >> 8) & 255;
  bytes[3] = ~sum & 255;
  return { protocol: ipv4.ICMP, bytes };
}

/** A few frames of one flow: each flow has source ports of its own. */
function flow(r: Chooser, index: number): Frame[] {
  const from = r.one(HOSTS);
  const to = r.maybe(50, () => VIP, r.one([...HOSTS.map(({ address }) => address), ADDRESSES.a, ADDRESSES.b]));
  const [sport, dport] = [20_000 + index, r.one(DPORTS)];
  const send = (host: Host, dst: string, transport: Transport): Frame => ({
    port: host.port,
    bytes: frame(r, host, dst, transport),
  });
  const answerer = HOSTS.find(({ address }) => address === to);
  const kind = r.below(3);
  if (kind === 0)
    return [
      send(from, to, echo(sport, 8)),
      ...(answerer === undefined ? [] : [send(answerer, from.address, echo(sport, 0))]),
    ];
  if (kind === 1) {
    const there = send(from, to, datagram(sport, dport, r.below(100)));
    return answerer === undefined ? [there] : [there, send(answerer, from.address, datagram(dport, sport, 4)), there];
  }
  const open = send(from, to, segment(sport, dport, tcp.SYN, 1000, 0));
  if (answerer === undefined) return [open];
  return [
    open,
    send(answerer, from.address, segment(dport, sport, tcp.SYN | tcp.ACK, 5000, 1001)),
    send(from, to, segment(sport, dport, tcp.ACK, 1001, 5001)),
    send(from, to, segment(sport, dport, r.one([tcp.FIN | tcp.ACK, tcp.RST, tcp.ACK | tcp.PSH]), 1001, 5001)),
  ];
}

/** The experiment of a seed, always the same. */
export function generate(seed: number, flows: number): Experiment {
  const r = new Chooser(seed);
  const rules = [...mangleTable(r), ...r.maybe(80, () => natTable(r), []), ...filterTable(r), ''].join('\n');
  return { seed, rules, frames: Array.from({ length: flows }, (_, i) => flow(r, i)).flat() };
}
