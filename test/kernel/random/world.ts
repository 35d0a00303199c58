/** Random topologies: a router, a bridge with its uplink, a node with pods, two nodes with a tunnel between them. */
import type { Link, NamespaceConfig, Topology } from '../../../src/lab/topology.ts';
import type { Chooser } from './chooser.ts';

/** Somebody outside, at a port. */
export interface Host {
  readonly port: string;
  readonly mac: string;
  /** Whom it gives its packets to leave its own link. */
  readonly gateway: string;
  readonly ip: string;
  readonly ip6: string;
}

export interface World {
  readonly shape: string;
  readonly topology: Topology;
  readonly hosts: readonly Host[];
  /** Where rules are, with the addresses of that namespace. */
  readonly nodes: readonly { readonly ns: string; readonly ips: readonly string[]; readonly ip6s: readonly string[] }[];
  readonly devices: readonly string[];
  readonly bridgePorts: readonly string[];
  readonly ipv6: boolean;
}

const mac = (net: number, host: number): string =>
  `02:00:00:00:${net.toString(16).padStart(2, '0')}:${host.toString(16).padStart(2, '0')}`;

/** Hosts 2 and 3 of net N, at a port whose device is host 1. */
const hostsOf = (port: string, net: number, gateway = mac(net, 1), numbers: readonly number[] = [2, 3]): Host[] =>
  numbers.map((n) => ({ port, mac: mac(net, n), gateway, ip: `10.0.${net}.${n}`, ip6: `fd00:${net}::${n}` }));

const addresses = (net: number, ipv6: boolean): string[] => [
  `10.0.${net}.1/24`,
  ...(ipv6 ? [`fd00:${net}::1/64`] : []),
];

const portLink = (name: string, port: string, net: number, rest: Partial<Link> = {}): Link => ({
  name,
  type: 'port',
  port,
  mac: mac(net, 1),
  ...(rest as object),
});

const neighbours = (hosts: readonly Host[], dev: string, ipv6: boolean): NonNullable<NamespaceConfig['neigh']> =>
  hosts.flatMap((host) => [
    { ip: host.ip, mac: host.mac, dev },
    ...(ipv6 ? [{ ip: host.ip6, mac: host.mac, dev }] : []),
  ]);

const SYSCTLS: readonly (readonly [string, readonly number[]])[] = [
  ['net.ipv4.conf.all.rp_filter', [1, 2]],
  ['net.ipv4.conf.all.route_localnet', [1]],
  ['net.ipv4.icmp_echo_ignore_broadcasts', [0]],
  ['net.ipv4.icmp_errors_use_inbound_ifaddr', [1]],
  ['net.ipv4.icmp_echo_ignore_all', [1]],
  ['net.ipv4.ip_forward_use_pmtu', [1]],
  ['net.ipv4.ip_default_ttl', [63, 255]],
  ['net.ipv4.conf.all.accept_source_route', [1]],
  ['net.ipv4.conf.all.accept_local', [1]],
  ['net.ipv4.conf.all.arp_ignore', [1, 2]],
  ['net.netfilter.nf_conntrack_tcp_be_liberal', [1]],
  ['net.netfilter.nf_conntrack_tcp_loose', [0]],
  ['net.netfilter.nf_conntrack_checksum', [0]],
  ['net.netfilter.nf_conntrack_acct', [0]],
];

const sysctls = (r: Chooser): Record<string, number> =>
  Object.fromEntries(SYSCTLS.filter(() => r.chance(5)).map(([key, values]) => [key, r.one(values)]));

/** A TCP socket that listens would answer, with a random number. */
const listen = [{ proto: 'udp', port: 53 }] as const;

/** Else flow labels of the kernel's own packets are a hash with a random key. */
const SYSCTLS6 = {
  'net.ipv6.auto_flowlabels': 0,
  'net.ipv6.icmp.ratelimit': 0,
  'net.ipv4.icmp_msgs_per_sec': 1_000_000,
  'net.ipv4.icmp_msgs_burst': 100_000,
};

function router(r: Chooser, ipv6: boolean): World {
  const names = ['eth0', 'eth1', 'eth2'].slice(0, r.between(2, 3));
  const nets = names.map((name, i) => ({ name, port: 'abc'[i]!, net: i + 1 }));
  const hosts = nets.map(({ port, net }) => hostsOf(port, net));
  const small = r.chance(20) ? { mtu: r.one([1400, 1280, 700]) } : {};
  const links = nets.map(({ name, port, net }, i) =>
    portLink(name, port, net, { addrs: addresses(net, ipv6), ...(i === 1 && !ipv6 ? small : {}) }),
  );
  const routes = [
    { dst: '10.96.0.0/16', via: '10.0.2.2' },
    ...(r.chance(50) ? [{ dst: 'default', via: '10.0.2.3' }] : []),
    ...(r.chance(30) ? [{ dst: '10.97.0.0/24', type: r.one(['blackhole', 'unreachable', 'prohibit'] as const) }] : []),
  ];
  return {
    shape: 'router',
    hosts: hosts.flat(),
    devices: names,
    bridgePorts: [],
    ipv6,
    nodes: [{ ns: 'r', ips: nets.map(({ net }) => `10.0.${net}.1`), ip6s: nets.map(({ net }) => `fd00:${net}::1`) }],
    topology: {
      namespaces: {
        r: {
          ipv6,
          links,
          neigh: nets.flatMap(({ name }, i) => neighbours(hosts[i]!, name, ipv6)),
          routes,
          sysctls: { ...sysctls(r), ...(ipv6 ? SYSCTLS6 : {}) },
          listen,
        },
      },
      ports: Object.fromEntries(nets.map(({ name, port }) => [port, { ns: 'r', dev: name }])),
    },
  };
}

/** A bridge that is a node's: hosts (or pods) at its ports, the rest of the world behind eth0. */
function bridge(r: Chooser, ipv6: boolean): World {
  const ports = ['p0', 'p1', 'p2'];
  const outside = hostsOf('u', 2);
  const inside = ports.map((port, i) => hostsOf(port, 1, mac(1, 1), [2 + i]));
  const options = (): Record<string, boolean> =>
    Object.fromEntries(
      ['hairpin', 'isolated', 'learning', 'flood']
        .filter(() => r.chance(10))
        .map((key) => [key, key === 'hairpin' || key === 'isolated']),
    );
  const calls = r.chance(65) ? 1 : 0;
  return {
    shape: 'bridge',
    hosts: [...inside.flat(), ...outside],
    devices: ['br0', 'eth0', ...ports],
    bridgePorts: ports,
    ipv6,
    nodes: [{ ns: 'r', ips: ['10.0.1.1', '10.0.2.1'], ip6s: ['fd00:1::1', 'fd00:2::1'] }],
    topology: {
      namespaces: {
        r: {
          ipv6,
          sysctls: {
            ...sysctls(r),
            'net.bridge.bridge-nf-call-iptables': calls,
            ...(ipv6 ? { ...SYSCTLS6, 'net.bridge.bridge-nf-call-ip6tables': r.chance(0) ? 1 : 0 } : {}),
          },
          links: [
            { name: 'br0', type: 'bridge', mac: mac(1, 1), addrs: addresses(1, ipv6) },
            portLink('eth0', 'u', 2, { addrs: addresses(2, ipv6) }),
            ...ports.map((port, i) => ({
              ...portLink(port, port, 1),
              mac: mac(0x11 + i, 1),
              master: 'br0',
              brport: options(),
            })),
          ],
          neigh: [...neighbours(inside.flat(), 'br0', ipv6), ...neighbours(outside, 'eth0', ipv6)],
          routes: [{ dst: '10.96.0.0/16', via: '10.0.2.2' }],
          listen,
        },
      },
      ports: Object.fromEntries([
        ['u', { ns: 'r', dev: 'eth0' }],
        ...ports.map((port) => [port, { ns: 'r', dev: port }] as const),
      ]),
    },
  };
}

/** Two nodes on one cable, a VXLAN device on each, as flannel lays it. */
function overlay(r: Chooser): World {
  const extra = r.chance(30) ? { tos: 'inherit' } : {};
  const udpcsum = r.chance(30) ? { udpcsum: false } : {};
  const node = (n: number, other: number): NamespaceConfig => ({
    sysctls: sysctls(r),
    links: [
      portLink('eth0', `h${n}`, n, { addrs: [`10.0.${n}.1/24`] }),
      {
        name: 'eth1',
        type: 'veth',
        peer: [`n${other}`, 'eth1'],
        mac: mac(0x20, n),
        mtu: 1500,
        addrs: [`192.168.0.${n}/24`],
      },
      {
        name: 'vx1',
        type: 'vxlan',
        vni: 1,
        local: `192.168.0.${n}`,
        dev: 'eth1',
        dstport: 8472,
        srcport: [50_000, 50_001],
        mac: mac(0x30, n),
        mtu: 1450,
        learning: false,
        addrs: [`10.0.${n}.0/32`],
        ...extra,
        ...udpcsum,
      },
    ],
    neigh: [
      ...neighbours(hostsOf(`h${n}`, n), 'eth0', false),
      { ip: `192.168.0.${other}`, mac: mac(0x20, other), dev: 'eth1' },
      { ip: `10.0.${other}.0`, mac: mac(0x30, other), dev: 'vx1' },
    ],
    fdb: [{ mac: mac(0x30, other), dev: 'vx1', dst: `192.168.0.${other}` }],
    routes: [{ dst: `10.0.${other}.0/24`, via: `10.0.${other}.0`, dev: 'vx1', onlink: true }],
    listen,
  });
  return {
    shape: 'overlay',
    hosts: [...hostsOf('h1', 1), ...hostsOf('h2', 2)],
    devices: ['eth0', 'eth1', 'vx1'],
    bridgePorts: [],
    ipv6: false,
    nodes: [1, 2].map((n) => ({ ns: `n${n}`, ips: [`10.0.${n}.1`, `192.168.0.${n}`, `10.0.${n}.0`], ip6s: [] })),
    topology: {
      namespaces: { n1: node(1, 2), n2: node(2, 1) },
      ports: { h1: { ns: 'n1', dev: 'eth0' }, h2: { ns: 'n2', dev: 'eth0' } },
    },
  };
}

export function randomWorld(r: Chooser): World {
  const kind = r.below(100);
  const ipv6 = r.chance(35);
  const world = kind < 50 ? router(r, ipv6) : kind < 80 ? bridge(r, ipv6) : overlay(r);
  const log = r.chance(30);
  return { ...world, topology: { ...world.topology, log } };
}
