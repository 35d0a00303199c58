/**
 * What the benchmarks run: a node between two cables, or two nodes with an overlay between them; kube-proxy's rules for any
 * number of Services, and frames for them. @module
 */
import { type Entry, Lab, labSource } from 'podwire/lab';
import type { Netfilter } from 'podwire/netfilter';
import { compose } from 'podwire/packet';

export type Lookup = 'linear' | 'indexed';

export const CLIENT = '10.0.1.2';
export const POD = '10.0.2.2';
const PORT = 80;
const TARGET_PORT = 8080;

const dotted = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
/** The cluster address of Service `i`. */
export const serviceAddress = (i: number): string => dotted(0x0a600000 + 10 + i);

const cable = (n: number, port: string) => ({
  name: `eth${n}`,
  type: 'port',
  port,
  mac: `02:00:00:00:0${n}:01`,
  addrs: [`10.0.${n}.1/24`],
});

/** Both pods on one node, each at its cable. */
export const ONE_NODE: object = {
  namespaces: {
    node: {
      links: [cable(1, 'client'), cable(2, 'pod')],
      neigh: [
        { ip: CLIENT, mac: '02:00:00:00:01:02', dev: 'eth1' },
        { ip: POD, mac: '02:00:00:00:02:02', dev: 'eth2' },
      ],
    },
  },
  ports: { client: { ns: 'node', dev: 'eth1' }, pod: { ns: 'node', dev: 'eth2' } },
};

const vtep = (n: number): string => `02:00:00:00:0f:0${n}`;

/** A node of flannel's: the pod at a bridge, the other node's pods behind a VXLAN device over a cable of their own. */
const overlayNode = (n: 1 | 2, peer: string) => {
  const m = 3 - n;
  const mac = `02:00:00:00:0${n}:01`;
  return {
    links: [
      { name: 'eth0', type: 'veth', peer: [peer, 'eth0'], mac: `02:00:00:00:00:0${n}`, addrs: [`192.168.0.${n}/24`] },
      { name: 'cni0', type: 'bridge', mac, mtu: 1450, addrs: [`10.0.${n}.1/24`] },
      { name: 'pod0', type: 'port', port: n === 1 ? 'client' : 'pod', mtu: 1450, master: 'cni0' },
      {
        name: 'flannel.1',
        type: 'vxlan',
        vni: 1,
        local: `192.168.0.${n}`,
        dstport: 8472,
        learning: false,
        mac: vtep(n),
        mtu: 1450,
        addrs: [`10.0.${n}.0/32`],
      },
    ],
    neigh: [
      { ip: `10.0.${n}.2`, mac: `02:00:00:00:0${n}:02`, dev: 'cni0' },
      { ip: `192.168.0.${m}`, mac: `02:00:00:00:00:0${m}`, dev: 'eth0' },
      { ip: `10.0.${m}.0`, mac: vtep(m), dev: 'flannel.1' },
    ],
    routes: [{ dst: `10.0.${m}.0/24`, via: `10.0.${m}.0`, dev: 'flannel.1', onlink: true }],
    fdb: [{ mac: vtep(m), dev: 'flannel.1', dst: `192.168.0.${m}` }],
  };
};

/** The pod on another node than the client: bridge, VXLAN and bridge on the way. */
export const TWO_NODES: object = {
  namespaces: { node: overlayNode(1, 'other'), other: overlayNode(2, 'node') },
  ports: { client: { ns: 'node', dev: 'pod0' }, pod: { ns: 'other', dev: 'pod0' } },
};

const serviceRules = (i: number): string[] => {
  const to = `-d ${serviceAddress(i)}/32 -p tcp -m comment --comment "default/s${i}:http cluster IP" -m tcp --dport ${PORT}`;
  const name = `default/s${i}:http`;
  return [
    `-A KUBE-SERVICES ${to} -j KUBE-SVC-${i}`,
    `-A KUBE-SVC-${i} ! -s 10.0.0.0/16 ${to} -j KUBE-MARK-MASQ`,
    `-A KUBE-SVC-${i} -m comment --comment "${name} -> ${POD}:${TARGET_PORT}" -j KUBE-SEP-${i}`,
    `-A KUBE-SEP-${i} -s ${POD}/32 -m comment --comment "${name}" -j KUBE-MARK-MASQ`,
    `-A KUBE-SEP-${i} -p tcp -m comment --comment "${name}" -m tcp -j DNAT --to-destination ${POD}:${TARGET_PORT}`,
  ];
};

/** What kube-proxy writes for `services` Services of one endpoint each: five rules a Service, and about a dozen more. */
export function kubeProxyRules(services: number): string {
  const numbers = Array.from({ length: services }, (_, i) => i);
  return [
    '*filter',
    ':FORWARD ACCEPT [0:0]',
    ':KUBE-FORWARD - [0:0]',
    '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    '-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT',
    '-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    'COMMIT',
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    ':KUBE-SERVICES - [0:0]',
    ':KUBE-NODEPORTS - [0:0]',
    ':KUBE-POSTROUTING - [0:0]',
    ':KUBE-MARK-MASQ - [0:0]',
    ...numbers.flatMap((i) => [`:KUBE-SVC-${i} - [0:0]`, `:KUBE-SEP-${i} - [0:0]`]),
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
    '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
    ...numbers.flatMap(serviceRules),
    '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
    'COMMIT',
    '',
  ].join('\n');
}

/** A rule that only asks conntrack to run. */
export const CONNTRACK_RULES: string =
  '*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n';

/** A lab with such a node in it. */
export class Node {
  readonly lab: Lab;
  readonly netfilter: Netfilter;
  private readonly entry: Entry;

  constructor(rules: string | null, lookup: Lookup = 'indexed', topology: object = ONE_NODE) {
    const texts = new Map(rules === null ? [] : [['node.rules', rules] as const]);
    this.lab = new Lab(labSource(topology, 'bench', texts), { lookup, journal: false });
    this.netfilter = this.lab.namespaces.get('node')!.netfilter;
    this.entry = this.lab.find('client')!;
  }

  /** Put frames in at the client's end, all now. @throws {Error} when not every one came out, which would be another benchmark */
  send(frames: readonly Uint8Array[]): void {
    const { lab, entry } = this;
    const before = lab.sent;
    for (let i = 0; i < frames.length; i++) lab.inject(entry, frames[i]!);
    if (lab.sent - before !== frames.length)
      throw new Error(`${lab.sent - before} of ${frames.length} frames came out`);
  }

  /** Answer the client from the pod's end, so that its flow is established. */
  answer(frame: Uint8Array): void {
    this.lab.inject('pod', frame);
  }
}

const ethernet = (n: number) => ({ ethernet: { src: `02:00:00:00:0${n}:02`, dst: `02:00:00:00:0${n}:01` } });

/** A TCP segment of the client. */
export const segment = (dst: string, srcPort: number, dstPort: number, flags: string, seq = 1, ack = 0): Uint8Array =>
  compose([
    ethernet(1),
    { ipv4: { src: CLIENT, dst, ttl: 64 } },
    { tcp: { srcPort, dstPort, flags, seq, ack, window: 65_535 } },
  ]);

/** A datagram of the client to the pod. */
export const datagram = (srcPort: number): Uint8Array =>
  compose(
    [ethernet(1), { ipv4: { src: CLIENT, dst: POD, ttl: 64 } }, { udp: { srcPort, dstPort: 9 } }],
    new Uint8Array(22),
  );

/** First packets of flows to Services, one a flow. */
export const synTo = (service: number, srcPort: number): Uint8Array =>
  segment(serviceAddress(service), srcPort, PORT, 'S');

/** A flow to a Service whose handshake is done. @returns the segments that the client may repeat as often as it likes */
export function establish(node: Node, service: number, srcPort: number): Uint8Array {
  node.send([synTo(service, srcPort)]);
  const tcp = { srcPort: TARGET_PORT, dstPort: srcPort, flags: 'SA', seq: 1, ack: 2, window: 65_535 };
  node.answer(compose([ethernet(2), { ipv4: { src: POD, dst: CLIENT, ttl: 64 } }, { tcp }]));
  const ack = segment(serviceAddress(service), srcPort, PORT, 'A', 2, 2);
  node.send([ack]);
  return ack;
}
