/**
 * The plain description of a lab: namespaces, devices, addresses, routes, neighbours, settings, and the ports where the
 * outside world is plugged in. Field names are those of `topology.json`, and their order is the order in which a kernel is
 * told of them. @module
 */
import {
  address,
  anyAddress,
  anyDestination,
  anyPrefix,
  anything,
  boolean,
  type Check,
  deviceName,
  either,
  type Fields,
  inside,
  integer,
  LabError,
  listOf,
  mac,
  mapOf,
  mismatch,
  oneOf,
  type Place,
  record,
  text,
  word,
} from './shape.ts';

interface LinkBase {
  readonly name: string;
  readonly mac?: string;
  /** Bytes of network-layer packet; default 1500. */
  readonly mtu?: number;
  /** `address/length`, in the order in which they are added: the first of a subnet is the primary one. */
  readonly addrs?: readonly string[];
  /** Default true. */
  readonly up?: boolean;
  readonly promisc?: boolean;
  /** The bridge that it is a port of. */
  readonly master?: string;
  /** Bridge port options by their `ip link ... type bridge_slave` names. */
  readonly brport?: Readonly<Record<string, boolean | number>>;
  /** `bridge vlan add` (or `del`) for a port of a bridge that knows VLANs, or for the bridge itself. */
  readonly vlans?: readonly BridgeVlan[];
}

/** A VLAN of a port; `del` takes it away. */
export interface BridgeVlan {
  readonly vid: number;
  readonly pvid?: boolean;
  readonly untagged?: boolean;
  readonly del?: boolean;
}

/** One end of a cable whose other end is the outside world. */
export interface PortLink extends LinkBase {
  readonly type: 'port';
  readonly port: string;
}

/** A cable to another namespace (or the same one); both ends are listed, each in its namespace. */
export interface VethLink extends LinkBase {
  readonly type: 'veth';
  readonly peer: readonly [ns: string, device: string];
}

/** `ip link add type bridge`. */
export interface BridgeLink extends LinkBase {
  readonly type: 'bridge';
  /** Seconds; default 300. */
  readonly ageing_s?: number;
  readonly mcast_snooping?: number;
  /** Any of these makes a bridge that knows VLANs; default 802.1Q and VLAN 1. */
  readonly vlan_filtering?: boolean;
  readonly vlan_protocol?: '802.1Q' | '802.1ad';
  readonly vlan_default_pvid?: number;
}

/** `ip link add type vxlan`, with its words; addresses are text. */
export interface VxlanLink extends LinkBase {
  readonly type: 'vxlan';
  readonly vni?: number;
  readonly local?: string;
  readonly remote?: string;
  readonly group?: string;
  readonly dev?: string;
  /** UDP port; default 4789. */
  readonly dstport?: number;
  readonly ttl?: number | 'inherit';
  readonly tos?: number | string;
  readonly df?: 'set' | 'unset' | 'inherit';
  /** Default true. */
  readonly learning?: boolean;
  /** [first, one past the last] UDP source port. */
  readonly srcport?: readonly [number, number];
  readonly udpcsum?: boolean;
  readonly proxy?: boolean;
  readonly external?: boolean;
  /** Seconds. */
  readonly ageing?: number;
}

/** More addresses for loopback. */
export interface LoopbackLink extends LinkBase {
  readonly type: 'lo';
}

/** A device that loses what it is given; it is there for its addresses, or (tap) for its place in the order. */
export interface PlainLink extends LinkBase {
  readonly type: 'dummy' | 'tap';
  /** Of a dummy: the driver of that name, which asks for no neighbours. Default: a bridge without ports. */
  readonly driver?: boolean;
}

interface UpperLink extends LinkBase {
  /** The device that it is made on, listed before it: of the same namespace, or of another one. */
  readonly link: string | readonly [ns: string, device: string];
}

/** One VLAN of a device. */
export interface VlanLink extends UpperLink {
  readonly type: 'vlan';
  readonly id: number;
  /** Default 802.1Q. */
  readonly protocol?: '802.1Q' | '802.1ad';
  /** Packet sockets alone would see the difference. */
  readonly reorder_hdr?: boolean;
}

/** A MAC address of its own on another device. */
export interface MacvlanLink extends UpperLink {
  readonly type: 'macvlan';
  /** Default bridge. */
  readonly mode?: 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';
  /** Whose frames a device in source mode takes. */
  readonly macaddrs?: readonly string[];
}

/** IP addresses of its own on another device. */
export interface IpvlanLink extends UpperLink {
  readonly type: 'ipvlan';
  /** Default l2. */
  readonly mode?: 'l2' | 'l3' | 'l3s';
  readonly flag?: 'bridge' | 'private' | 'vepa';
}

/** A device on another one. */
export type StackedLink = VlanLink | MacvlanLink | IpvlanLink;

/** A tunnel of IPv4 in IPv4. */
export interface IpipLink extends LinkBase {
  readonly type: 'ipip';
  readonly local?: string;
  readonly remote?: string;
  /** Default inherit. */
  readonly ttl?: number | 'inherit';
  readonly tos?: number | string;
  /** Default true, but for tunl0. */
  readonly pmtudisc?: boolean;
  readonly dev?: string;
}

/** A device of a namespace, by its type. */
export type Link = PortLink | VethLink | BridgeLink | VxlanLink | LoopbackLink | PlainLink | StackedLink | IpipLink;

/** `ip neigh add`; `proxy: true` is `ip neigh add proxy`. */
export interface Neighbour {
  readonly ip: string;
  readonly dev: string;
  readonly mac?: string;
  /** nud state; default permanent. */
  readonly state?: string;
  readonly proxy?: boolean;
}

/** `ip route add`. */
export interface Route {
  readonly dst: string;
  readonly type?: 'unicast' | 'local' | 'broadcast' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw';
  readonly via?: string;
  readonly dev?: string;
  readonly table?: number | string;
  readonly metric?: number;
  readonly src?: string;
  /** Bytes, or `lock N`. */
  readonly mtu?: number | string;
  readonly scope?: number | string;
  readonly tos?: number | string;
  readonly proto?: number | string;
  readonly onlink?: boolean;
  readonly nexthops?: readonly { readonly via: string; readonly dev: string; readonly weight?: number }[];
}

/** `ip rule add`. */
export interface PolicyRule {
  readonly pref: number;
  readonly from?: string;
  readonly to?: string;
  /** `mark` or `mark/mask`. */
  readonly fwmark?: number | string;
  readonly iif?: string;
  readonly oif?: string;
  readonly tos?: number | string;
  readonly ipproto?: number | string;
  readonly dport?: number | string;
  readonly table?: number | string;
  readonly type?: 'unicast' | 'blackhole' | 'unreachable' | 'prohibit';
}

/** `bridge fdb add`. */
export interface FdbEntry {
  readonly mac: string;
  readonly dev: string;
  readonly dst?: string;
  readonly vni?: number;
  readonly port?: number;
  readonly vlan?: number;
  readonly via?: string;
  /** Default self, permanent. */
  readonly flags?: readonly string[];
  /** Default `append` for 00:00:00:00:00:00, else `replace`. */
  readonly op?: 'add' | 'append' | 'replace';
}

/** A socket that is bound and never answers. */
export interface Listener {
  readonly proto: 'udp' | 'tcp';
  readonly port: number;
  readonly addr?: string;
}

/** One namespace: its devices, in the order in which they are made, and what is configured on them. */
export interface NamespaceConfig {
  /** Dotted names, on top of the lab's baseline. */
  readonly sysctls?: Readonly<Record<string, number | string>>;
  readonly links: readonly Link[];
  readonly neigh?: readonly Neighbour[];
  readonly routes?: readonly Route[];
  readonly rules?: readonly PolicyRule[];
  readonly fdb?: readonly FdbEntry[];
  readonly listen?: readonly Listener[];
  /** Speak IPv6, as a router that neither configures itself nor looks for duplicates. Default false. */
  readonly ipv6?: boolean;
}

/** A whole description. */
export interface Topology {
  readonly name?: string;
  readonly desc?: string;
  readonly area?: string;
  /** Which iptables loads the rules; default nft. */
  readonly backend?: 'nft' | 'legacy';
  readonly mode?: 'fast' | 'realtime';
  /** Milliseconds that pass after the last input. */
  readonly settle_ms?: number;
  readonly log?: boolean;
  readonly trace_conntrack?: boolean;
  readonly global_sysctls?: Readonly<Record<string, number | string>>;
  readonly namespaces: Readonly<Record<string, NamespaceConfig>>;
  readonly ports?: Readonly<Record<string, { readonly ns: string; readonly dev: string }>>;
}

const uint32 = integer(0, 0xffff_ffff);
const tcpPort = integer(0, 65_535);

const LINK: Fields = {
  'name!': deviceName,
  'type!': text,
  mac,
  mtu: integer(68, 65_535),
  addrs: listOf(anyPrefix),
  up: boolean,
  promisc: boolean,
  master: deviceName,
  brport: mapOf(either(boolean, integer(0, 65_535))),
  vlans: listOf(record({ 'vid!': integer(1, 4094), pvid: boolean, untagged: boolean, del: boolean })),
};

const VLAN_PROTOCOL = oneOf('802.1Q', '802.1ad');
const UPPER: Fields = { ...LINK, 'link!': either(listOf(text), deviceName) };

const LINK_TYPES: Readonly<Record<string, Fields>> = {
  port: { ...LINK, 'port!': text },
  veth: { ...LINK, 'peer!': listOf(text) },
  bridge: {
    ...LINK,
    ageing_s: integer(0, 1_000_000),
    mcast_snooping: integer(0, 1),
    vlan_filtering: boolean,
    vlan_protocol: VLAN_PROTOCOL,
    vlan_default_pvid: integer(0, 4094),
  },
  vxlan: {
    ...LINK,
    vni: integer(0, 0xff_ffff),
    local: address,
    remote: address,
    group: address,
    dev: deviceName,
    dstport: tcpPort,
    ttl: either(integer(0, 255), oneOf('inherit')),
    tos: word,
    df: oneOf('set', 'unset', 'inherit'),
    learning: boolean,
    srcport: listOf(tcpPort),
    udpcsum: boolean,
    proxy: boolean,
    external: boolean,
    ageing: uint32,
    rsc: boolean,
    l2miss: boolean,
    l3miss: boolean,
    gbp: boolean,
  },
  lo: LINK,
  dummy: { ...LINK, driver: boolean },
  tap: LINK,
  vlan: { ...UPPER, 'id!': integer(0, 4094), protocol: VLAN_PROTOCOL, reorder_hdr: boolean },
  macvlan: { ...UPPER, mode: oneOf('private', 'vepa', 'bridge', 'passthru', 'source'), macaddrs: listOf(mac) },
  ipvlan: { ...UPPER, mode: oneOf('l2', 'l3', 'l3s'), flag: oneOf('bridge', 'private', 'vepa') },
  ipip: {
    ...LINK,
    local: address,
    remote: address,
    ttl: either(integer(0, 255), oneOf('inherit')),
    tos: word,
    pmtudisc: boolean,
    dev: deviceName,
  },
};

const link: Check = (value, at) => {
  const type = (value as Link | null)?.type;
  if (typeof type === 'string' && LINK_TYPES[type] === undefined) {
    mismatch(type, inside(at, 'type'), `one of ${Object.keys(LINK_TYPES).join(', ')}`);
  }
  record(LINK_TYPES[type as string] ?? LINK)(value, at);
};

const NAMESPACE: Fields = {
  sysctls: mapOf(word),
  'links!': listOf(link),
  neigh: listOf(record({ 'ip!': anyAddress, 'dev!': deviceName, mac, state: text, proxy: boolean })),
  routes: listOf(
    record({
      'dst!': anyDestination,
      type: oneOf('unicast', 'local', 'broadcast', 'blackhole', 'unreachable', 'prohibit', 'throw'),
      via: anyAddress,
      dev: deviceName,
      table: word,
      metric: uint32,
      src: anyAddress,
      mtu: word,
      scope: word,
      tos: word,
      proto: word,
      onlink: boolean,
      nexthops: listOf(record({ 'via!': anyAddress, 'dev!': deviceName, weight: integer(1, 256) })),
    }),
  ),
  rules: listOf(
    record({
      'pref!': uint32,
      from: anyDestination,
      to: anyDestination,
      fwmark: word,
      iif: deviceName,
      oif: deviceName,
      tos: word,
      ipproto: word,
      dport: word,
      table: word,
      type: oneOf('unicast', 'blackhole', 'unreachable', 'prohibit'),
    }),
  ),
  fdb: listOf(
    record({
      'mac!': mac,
      'dev!': deviceName,
      dst: address,
      vni: integer(0, 0xff_ffff),
      port: tcpPort,
      vlan: integer(0, 4095),
      via: deviceName,
      flags: listOf(text),
      op: oneOf('add', 'append', 'replace'),
    }),
  ),
  listen: listOf(record({ 'proto!': oneOf('udp', 'tcp'), 'port!': tcpPort, addr: address })),
  ipv6: boolean,
};

const TOPOLOGY = record(
  {
    backend: oneOf('nft', 'legacy'),
    mode: oneOf('fast', 'realtime'),
    settle_ms: integer(0, 1_000_000_000),
    log: boolean,
    trace_conntrack: boolean,
    global_sysctls: mapOf(word),
    'namespaces!': mapOf(record(NAMESPACE)),
    ports: mapOf(record({ 'ns!': text, 'dev!': deviceName })),
    name: anything,
    desc: anything,
  },
  // Other fields identify a case or tell how it was made.
  true,
);

/** A device named in a description must be one of its namespace's. */
function requireDevice(config: NamespaceConfig, name: string | undefined, at: Place): void {
  if (name === undefined || name === 'lo') return;
  if (!config.links.some((link) => link.name === name)) {
    const known = ['lo', ...config.links.map((link) => link.name)].join(', ');
    throw new LabError(at.file, at.path, `unknown device ${JSON.stringify(name)}, expected one of ${known}`);
  }
}

function checkLinks(topology: Topology, ns: string, config: NamespaceConfig, at: Place): void {
  const names = new Set<string>();
  config.links.forEach((link, i) => {
    const here = inside(inside(at, 'links'), i);
    if (names.has(link.name)) throw new LabError(at.file, here.path, `device ${link.name} is listed twice`);
    names.add(link.name);
    requireDevice(config, link.master, inside(here, 'master'));
    if (link.type === 'vxlan' || link.type === 'ipip') requireDevice(config, link.dev, inside(here, 'dev'));
    if (link.type === 'veth') checkPeer(topology, ns, link, inside(here, 'peer'));
    if ('link' in link) checkLower(topology, config, link, inside(here, 'link'));
    if (link.type === 'port' && topology.ports?.[link.port] === undefined) {
      mismatch(link.port, inside(here, 'port'), 'a key of ports');
    }
  });
}

function checkLower(topology: Topology, config: NamespaceConfig, { link }: StackedLink, at: Place): void {
  if (typeof link === 'string') requireDevice(config, link, at);
  else {
    const [ns, device] = link;
    const below = topology.namespaces[ns];
    if (below === undefined || device === undefined) mismatch(link, at, '[namespace, device]');
    else requireDevice(below, device, at);
  }
}

function checkPeer(topology: Topology, ns: string, link: VethLink, at: Place): void {
  const [peerNs, device] = link.peer;
  const peer = topology.namespaces[peerNs]?.links.find((other) => other.name === device);
  if (peer?.type !== 'veth' || peer.peer[0] !== ns || peer.peer[1] !== link.name) {
    mismatch(link.peer, at, '[namespace, device] of the other end, a veth cabled back');
  }
}

function checkNames(config: NamespaceConfig, at: Place): void {
  const each = <T>(field: string, list: readonly T[] | undefined, visit: (entry: T, here: Place) => void): void => {
    (list ?? []).forEach((entry, i) => {
      visit(entry, inside(inside(at, field), i));
    });
  };
  each('neigh', config.neigh, (entry, here) => {
    requireDevice(config, entry.dev, inside(here, 'dev'));
    if (entry.proxy !== true && entry.mac === undefined) mismatch(undefined, inside(here, 'mac'), 'a MAC address');
  });
  each('fdb', config.fdb, (entry, here) => requireDevice(config, entry.dev, inside(here, 'dev')));
  each('routes', config.routes, (route, here) => {
    requireDevice(config, route.dev, inside(here, 'dev'));
    each('nexthops', route.nexthops, (hop) => requireDevice(config, hop.dev, inside(here, 'nexthops')));
  });
}

function checkPorts(topology: Topology, at: Place): void {
  for (const [name, port] of Object.entries(topology.ports ?? {})) {
    const here = inside(inside(at, 'ports'), name);
    const config = topology.namespaces[port.ns];
    if (config === undefined) {
      mismatch(port.ns, inside(here, 'ns'), `one of ${Object.keys(topology.namespaces).join(', ')}`);
    }
    requireDevice(config, port.dev, inside(here, 'dev'));
    const link = config.links.find((link) => link.name === port.dev);
    if (link?.type !== 'port' || link.port !== name) {
      mismatch(port.dev, inside(here, 'dev'), `a device of type port whose port is ${name}`);
    }
  }
}

/** Plain data as a description. @throws {LabError} that names `file` and the path of what is wrong */
export function checkTopology(value: unknown, file: string): Topology {
  const whole: Place = { file, path: '' };
  TOPOLOGY(value, whole);
  const topology = value as Topology;
  for (const [name, config] of Object.entries(topology.namespaces)) {
    const at = inside(inside(whole, 'namespaces'), name);
    checkLinks(topology, name, config, at);
    checkNames(config, at);
  }
  checkPorts(topology, whole);
  return topology;
}
