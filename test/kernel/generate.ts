/** Random rule sets and the packets that are aimed at them, from a seed: material for the differential test. */
import { compose } from '../../src/packet/compose.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import type { Layer } from '../../src/packet/layer.ts';
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

/** A packet of a host, as its router gets it. */
function frame(r: Chooser, from: Host, dst: string, ...inner: readonly Layer[]): Uint8Array {
  const header = {
    src: from.address,
    dst,
    tos: r.maybe(20, () => 0x10, 0),
    id: 1 + r.below(65_535),
    fragment: r.maybe(50, () => ipv4.DF, 0),
    ttl: r.maybe(10, () => 1 + r.below(3), 64),
  };
  return compose(
    [{ ethernet: { dst: PORTS[from.port].mac, src: from.mac } }, { ipv4: header }, ...inner],
    'x'.repeat(r.below(60)),
  );
}

/** A few frames of one flow: each flow has source ports of its own. */
function flow(r: Chooser, index: number): Frame[] {
  const from = r.one(HOSTS);
  const to = r.maybe(50, () => VIP, r.one([...HOSTS.map(({ address }) => address), ADDRESSES.a, ADDRESSES.b]));
  const [sport, dport] = [20_000 + index, r.one(DPORTS)];
  const send = (host: Host, dst: string, layer: Layer): Frame => ({
    port: host.port,
    bytes: frame(r, host, dst, layer),
  });
  const there = (layer: Layer): Frame => send(from, to, layer);
  const answerer = HOSTS.find(({ address }) => address === to);
  const back = (layer: Layer): Frame[] => (answerer === undefined ? [] : [send(answerer, from.address, layer)]);
  const kind = r.below(3);
  if (kind === 0) return [there(echo(8, sport)), ...back(echo(0, sport))];
  if (kind === 1) {
    const datagram = { udp: { srcPort: sport, dstPort: dport } };
    return [there(datagram), ...back({ udp: { srcPort: dport, dstPort: sport } }), there(datagram)];
  }
  const segment = (flags: string, seq: number, ack: number): Layer => ({
    tcp: { srcPort: sport, dstPort: dport, flags, seq, ack },
  });
  const answer = back({ tcp: { srcPort: dport, dstPort: sport, flags: 'S.', seq: 5000, ack: 1001 } });
  return [there(segment('S', 1000, 0)), ...answer, there(segment(r.one(['.', 'F.', 'R', 'P.']), 1001, 5001))];
}

const echo = (type: number, id: number): Layer => ({ icmp: { type, id, sequence: 1 } });

/** The experiment of a seed, always the same. */
export function generate(seed: number, flows: number): Experiment {
  const r = new Chooser(seed);
  const rules = [...mangleTable(r), ...r.maybe(80, () => natTable(r), []), ...filterTable(r), ''].join('\n');
  return { seed, rules, frames: Array.from({ length: flows }, (_, i) => flow(r, i)).flat() };
}
