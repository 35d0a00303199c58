/** Random rule sets: every match and target that does not depend on time or chance, on the addresses and ports of a world. */
import type { Chooser } from './chooser.ts';
import type { Host, World } from './world.ts';

export const PORTS: readonly number[] = [53, 80, 443, 8080, 1024];
export const VIPS: readonly string[] = ['10.96.0.10', '10.96.0.11'];
export const VIP6 = 'fd00:96::10';
const MARKS = ['0x1', '0x2', '0x4000', '0x8000'];

interface Scene {
  readonly r: Chooser;
  readonly world: World;
  readonly node: World['nodes'][number];
  readonly six: boolean;
  readonly table: string;
  readonly hook: string;
  readonly sets: readonly { readonly name: string; readonly flags: number }[];
}

const not = (r: Chooser): string => (r.chance(15) ? '! ' : '');
const inputs = ['PREROUTING', 'INPUT', 'FORWARD'];
const outputs = ['FORWARD', 'OUTPUT', 'POSTROUTING'];

function address({ r, world, node, six }: Scene): string {
  const hosts = world.hosts.map((host) => (six ? host.ip6 : host.ip));
  const any = [...hosts, ...hosts, ...(six ? [...node.ip6s, VIP6] : [...node.ips, ...VIPS])];
  const length = six ? r.one([128, 128, 64, 127, 48]) : r.one([32, 32, 24, 31, 30, 16]);
  return `${r.one(any)}/${length}`;
}

const oneHost = ({ r, world, six }: Scene): string => {
  const host = r.one(world.hosts);
  return six ? host.ip6 : host.ip;
};

function places(scene: Scene): string {
  const { r, world, hook } = scene;
  let text = '';
  if (r.chance(30)) text += `${not(r)}-s ${address(scene)} `;
  if (r.chance(35)) text += `${not(r)}-d ${address(scene)} `;
  if (inputs.includes(hook) && r.chance(15)) text += `${not(r)}-i ${r.one([...world.devices, 'eth+'])} `;
  if (outputs.includes(hook) && r.chance(15)) text += `${not(r)}-o ${r.one([...world.devices, 'eth+'])} `;
  return text;
}

const FLAGS = ['FIN,SYN,RST,ACK SYN', 'ACK,FIN FIN', 'RST RST', 'PSH,ACK PSH,ACK', 'SYN,ACK SYN,ACK', 'ALL NONE'];
const ICMP_TYPES = ['8', '0', '3', '3/3', '11', '3/4', '13', '5', 'any'];
const ICMP6_TYPES = ['128', '129', '1', '1/4', '2', '3', '135', '136', '4/1'];
const CHUNKS = ['any INIT', 'all INIT', 'only DATA', 'any DATA,SACK', 'any ABORT:T'];

function ports(r: Chooser): string {
  const [a, b] = [r.one(PORTS), r.one(PORTS)];
  return r.one([`${a}`, `${Math.min(a, b)}:${Math.max(a, b)}`, '1024:65535', '0:1023']);
}

function protocol(scene: Scene, need: string | null): { text: string; name: string } {
  const { r, six } = scene;
  const icmp = six ? 'ipv6-icmp' : 'icmp';
  const name = need ?? r.one(['tcp', 'tcp', 'udp', 'udp', icmp, 'sctp', 'dccp', 'udplite', 'gre', '', '', 'esp', 'ah']);
  if (name === '') return { text: '', name };
  if (need === null && r.chance(8)) return { text: `! -p ${name} `, name: '' };
  return { text: `-p ${name} ${protocolMatch(scene, name)}`, name };
}

function protocolMatch({ r, six }: Scene, name: string): string {
  const side = r.one(['dport', 'dport', 'sport']);
  const multi = () =>
    `-m multiport ${not(r)}--${r.one(['dports', 'sports', 'ports'])} ${r.some(PORTS, 4).join(',')}${r.one(['', ',100:900'])} `;
  switch (name) {
    case 'tcp':
      return r.one([
        () => '',
        () => `-m tcp ${not(r)}--${side} ${ports(r)} `,
        () => `-m tcp ${not(r)}--tcp-flags ${r.one(FLAGS)} `,
        () => `-m tcp ${not(r)}--tcp-option ${r.one([2, 3, 8, 4])} `,
        () => `-m tcpmss ${not(r)}--mss ${r.one(['1460', '0:1000', '536'])} `,
        multi,
      ])();
    case 'udp':
      return r.one([() => '', () => `-m udp ${not(r)}--${side} ${ports(r)} `, multi])();
    case 'sctp':
      return r.one([
        () => '',
        () => `-m sctp ${not(r)}--${side} ${ports(r)} `,
        () => `-m sctp ${not(r)}--chunk-types ${r.one(CHUNKS)} `,
        multi,
      ])();
    case 'dccp':
      return r.one(['', `-m dccp ${not(r)}--${side} ${ports(r)} `, `-m dccp ${not(r)}--dccp-types REQUEST,DATA `]);
    case 'udplite':
      return r.chance(50) ? multi() : '';
    case 'icmp':
      return r.chance(50) ? `-m icmp ${not(r)}--icmp-type ${r.one(ICMP_TYPES)} ` : '';
    case 'ipv6-icmp':
      return r.chance(50) ? `-m icmp6 ${not(r)}--icmpv6-type ${r.one(ICMP6_TYPES)} ` : '';
    case 'esp':
      return r.chance(50) ? `-m esp ${not(r)}--espspi ${r.one(['100', '1:200'])} ` : '';
    case 'ah':
      return six || r.chance(50) ? `-m ah ${not(r)}--ahspi ${r.one(['100', '1:200'])} ` : '';
    default:
      return '';
  }
}

type Maker = (scene: Scene, protocol: string) => string | null;

const STATES = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED', 'DNAT', 'SNAT'];
const STATUSES = ['SEEN_REPLY', 'ASSURED', 'CONFIRMED', 'EXPECTED', 'NONE'];

const BPF = [
  '4,48 0 0 9,21 0 1 6,6 0 0 65535,6 0 0 0',
  '4,48 0 0 8,53 0 1 64,6 0 0 65535,6 0 0 0',
  '4,128 0 0 0,37 0 1 60,6 0 0 1,6 0 0 0',
];

/** Matches that need no protocol. */
const MATCHES: readonly Maker[] = [
  ({ r }) => `-m conntrack ${not(r)}--ctstate ${r.some(STATES, 3).join(',')} `,
  ({ r }) => `-m conntrack --ctdir ${r.one(['ORIGINAL', 'REPLY'])} `,
  ({ r }) => `-m conntrack ${not(r)}--ctstatus ${r.some(STATUSES, 2).join(',')} `,
  (s) => `-m conntrack ${not(s.r)}--ct${s.r.one(['orig', 'repl'])}${s.r.one(['src', 'dst'])} ${address(s)} `,
  ({ r }) => `-m conntrack --ctproto ${r.one([1, 6, 17])} `,
  ({ r }, p) =>
    ['tcp', 'udp'].includes(p) ? `-m conntrack ${not(r)}--ct${r.one(['orig', 'repl'])}dstport ${ports(r)} ` : null,
  ({ r }) => `-m state --state ${r.some(STATES.slice(0, 5), 3).join(',')} `,
  ({ r }) => `-m mark ${not(r)}--mark ${r.one(MARKS)}${r.one(['', '/0xf', '/0xffff'])} `,
  ({ r }) => `-m connmark ${not(r)}--mark ${r.one(MARKS)}${r.one(['', '/0xff'])} `,
  ({ r }) =>
    `-m connbytes ${not(r)}--connbytes ${r.one(['1', '2:4', '100:500'])} --connbytes-dir ${r.one(['original', 'reply', 'both'])} --connbytes-mode ${r.one(['packets', 'bytes', 'avgpkt'])} `,
  ({ r }) => `-m connlabel ${not(r)}--label ${r.between(0, 3)} ${r.one(['', '--set '])}`,
  ({ r }) => `-m length ${not(r)}--length ${r.one(['0:60', '40', '28:100', '61:1500', '100:'])} `,
  ({ r, six }) =>
    six
      ? `-m hl --hl-${r.one(['eq', 'lt', 'gt'])} ${r.one([1, 5, 63, 64])} `
      : `-m ttl --ttl-${r.one(['eq', 'lt', 'gt'])} ${r.one([1, 5, 63, 64])} `,
  ({ r }) => `-m dscp ${not(r)}--dscp ${r.one(['0x00', '0x0a', '0x2e'])} `,
  ({ r }) => `-m tos ${not(r)}--tos ${r.one(['0x10/0x3f', '0x08', '0x00/0xff'])} `,
  ({ r }, p) =>
    `-m ecn ${not(r)}${r.one([`--ecn-ip-ect ${r.below(4)}`, ...(p === 'tcp' ? ['--ecn-tcp-cwr', '--ecn-tcp-ece'] : [])])} `,
  ({ r, hook, six }) =>
    hook === 'OUTPUT' || hook === 'POSTROUTING'
      ? null
      : `-m addrtype ${not(r)}--${r.one(['dst', 'src'])}-type ${r.one(six ? ['LOCAL', 'UNICAST', 'MULTICAST'] : ['LOCAL', 'UNICAST', 'BROADCAST', 'MULTICAST', 'LOCAL,BROADCAST'])}${r.one(['', '', ' --limit-iface-in'])} `,
  ({ r, hook }) =>
    hook === 'OUTPUT' || hook === 'POSTROUTING'
      ? `-m addrtype ${not(r)}--dst-type ${r.one(['LOCAL', 'UNICAST'])} `
      : null,
  ({ r, world, hook }) => (inputs.includes(hook) ? `-m mac ${not(r)}--mac-source ${r.one(world.hosts).mac} ` : null),
  (s) => {
    const base = oneHost(s).replace(/\d+$/, '');
    const [a, b] = [s.r.between(0, 9), s.r.between(0, 9)].sort();
    return `-m iprange ${not(s.r)}--${s.r.one(['src', 'dst'])}-range ${base}${a}-${base}${b} `;
  },
  ({ r }) => {
    const every = r.between(2, 4);
    return `-m statistic --mode nth --every ${every} --packet ${r.below(every)} `;
  },
  ({ r }) =>
    `-m recent --name r${r.below(3)} ${r.one(['--set', '--rcheck', '--update --seconds 3600', '--rcheck --seconds 3600 --hitcount 2', '--remove', '--set --rdest'])} `,
  ({ r }) => `-m comment --comment "${r.one(['a b', 'c', 'd-e'])}" `,
  ({ r }) => `-m limit --limit 1/hour --limit-burst ${r.between(1, 6)} `,
  ({ r }) =>
    `-m hashlimit --hashlimit-${r.one(['upto', 'above'])} 1/hour --hashlimit-burst ${r.between(1, 5)} --hashlimit-mode ${r.one(['srcip', 'dstip', 'srcip,dstip'])} --hashlimit-name h${r.below(1000)} `,
  ({ r }) => `-m quota ${not(r)}--quota ${r.one([0, 100, 500, 3000])} `,
  ({ r }) => `-m pkttype ${not(r)}--pkt-type ${r.one(['unicast', 'broadcast', 'multicast'])} `,
  ({ r, hook }) =>
    hook === 'PREROUTING'
      ? `-m rpfilter ${r.one(['', '--loose ', '--invert ', '--validmark ', '--accept-local '])}`
      : null,
  ({ r, six }) =>
    six
      ? `-m u32 ${not(r)}--u32 "${r.one(['0x4>>0x8&0xff=0x6', '0x4>>0x8&0xff=0x11,0x3a', '0x28>>0x10=0x50'])}" `
      : `-m u32 ${not(r)}--u32 "${r.one(['0x6&0xff=0x6', '0x6&0xff=0x11', '0x4&0x1fff=0x0&&0x0>>0x16&0x3c@0x0>>0x10=0x50', '0x0>>0x16&0x3c@0x0&0xffff=0x35:0x50', '0x2&0xffff=0x0:0x64'])}" `,
  ({ r }) =>
    `-m string ${not(r)}--string "${r.one(['abc', 'xyzx', 'GET'])}" --algo ${r.one(['bm', 'kmp'])} --to ${r.one([65535, 60, 100])} ${r.one(['', '--icase '])}`,
  ({ r, six }) => (six ? null : `-m bpf --bytecode "${r.one(BPF)}" `),
  ({ r, hook }) =>
    hook === 'OUTPUT' || hook === 'POSTROUTING'
      ? `-m owner ${not(r)}${r.one(['--uid-owner 0', '--socket-exists', '--gid-owner 0-5', '--uid-owner 1000'])} `
      : null,
  ({ r, hook }) => (inputs.includes(hook) ? `-m policy --dir in --pol ${r.one(['none', 'none', 'ipsec'])} ` : null),
  ({ r, hook, six }) => (['INPUT', 'FORWARD'].includes(hook) && !six ? `-m realm ${not(r)}--realm 0x0 ` : null),
  ({ r, hook }) => (inputs.includes(hook) ? `-m devgroup ${not(r)}--src-group 0x0 ` : null),
  ({ r }) =>
    `-m cluster --cluster-total-nodes 2 ${not(r)}--cluster-local-node ${r.between(1, 2)} --cluster-hash-seed 0x7 `,
  ({ r, hook }) =>
    ['PREROUTING', 'INPUT'].includes(hook) ? `-m socket ${r.one(['', '--nowildcard ', '--transparent '])}` : null,
  ({ r, sets }) => {
    if (sets.length === 0) return null;
    const set = r.one(sets);
    const flags = Array.from({ length: set.flags }, () => r.one(['src', 'dst'])).join(',');
    return `-m set ${not(r)}--match-set ${set.name} ${flags} `;
  },
  ({ r, world, hook }) =>
    world.bridgePorts.length > 0 && inputs.includes(hook)
      ? `-m physdev ${not(r)}--physdev-in ${r.one(world.bridgePorts)} `
      : null,
  ({ r, world, hook }) =>
    world.bridgePorts.length > 0 && hook === 'FORWARD'
      ? `-m physdev ${not(r)}${r.one([`--physdev-out ${r.one(world.bridgePorts)}`, '--physdev-is-bridged'])} `
      : null,
  ({ r, six }) =>
    six
      ? `-m ${r.one(['frag --fragid 0:4294967295', 'hbh --hbh-len 8', 'dst --dst-len 8', 'rt --rt-type 0', 'ipv6header --header frag --soft', 'ipv6header --header none', 'eui64', 'frag --fragfirst', 'frag --fraglast'])} `
      : null,
];

function matches(scene: Scene, name: string): string {
  const { r } = scene;
  let text = '';
  for (let n = r.one([0, 0, 1, 1, 1, 2]); n > 0; n--) text += r.one(MATCHES)(scene, name) ?? '';
  return text;
}

type Target = (scene: Scene) => readonly [text: string, protocol?: string] | null;

const REJECTS = [
  'icmp-net-unreachable',
  'icmp-host-unreachable',
  'icmp-port-unreachable',
  'icmp-proto-unreachable',
  'icmp-admin-prohibited',
];
const REJECTS6 = ['icmp6-no-route', 'icmp6-adm-prohibited', 'icmp6-addr-unreachable', 'icmp6-port-unreachable'];
const LOG = ['', ' --log-ip-options', ' --log-tcp-options --log-tcp-sequence', ' --log-uid', ' --log-macdecode'];

const VERDICTS: readonly Target[] = [
  () => ['ACCEPT'],
  () => ['ACCEPT'],
  () => ['DROP'],
  () => ['RETURN'],
  () => ['ACCEPT'],
];

const ANYWHERE: readonly Target[] = [
  ({ r }) => [`LOG --log-prefix "kn:${r.below(100)} "${r.one(LOG)}`],
  () => ['NFLOG --nflog-group 5'],
  ({ r, sets }) => {
    if (sets.length === 0) return null;
    const set = r.one(sets);
    const flags = Array.from({ length: set.flags }, () => r.one(['src', 'dst'])).join(',');
    return [`SET --${r.one(['add-set', 'del-set'])} ${set.name} ${flags}${r.one(['', ''])}`];
  },
  ({ r }) => [
    `CONNMARK ${r.one(['--save-mark', '--restore-mark', '--set-xmark 0x5/0xff', '--and-mark 0xf', '--or-mark 0x10'])}`,
  ],
];

const FILTER: readonly Target[] = [
  ...VERDICTS,
  ...VERDICTS,
  ({ r, six, hook }) =>
    ['INPUT', 'FORWARD', 'OUTPUT'].includes(hook) ? [`REJECT --reject-with ${r.one(six ? REJECTS6 : REJECTS)}`] : null,
  ({ hook }) => (['INPUT', 'FORWARD', 'OUTPUT'].includes(hook) ? ['REJECT --reject-with tcp-reset', 'tcp'] : null),
  ...ANYWHERE,
  ({ r }) => (r.chance(20) ? ['NFQUEUE --queue-num 3 --queue-bypass'] : null),
  ({ r }) => (r.chance(20) ? ['NFQUEUE --queue-num 3'] : null),
  ({ r }) => (r.chance(30) ? ['AUDIT --type accept'] : null),
];

const MANGLE: readonly Target[] = [
  ({ r }) => [`MARK --set-xmark ${r.one(MARKS)}/${r.one(['0xffffffff', '0xff', '0x0', '0xc000'])}`],
  ({ r }) => [`MARK --${r.one(['or-mark 0x4', 'and-mark 0xfff0', 'set-mark 0x3'])}`],
  ({ r }) => [`DSCP --set-dscp ${r.one(['0x0a', '0x2e', '0x00'])}`],
  ({ r }) => [`TOS --set-tos ${r.one(['0x10/0x3f', '0x08/0xff'])}`],
  ({ r, six }) =>
    six
      ? [`HL --hl-${r.one(['set 10', 'inc 1', 'dec 3'])}`]
      : [`TTL --ttl-${r.one(['set 10', 'inc 1', 'dec 3', 'dec 64'])}`],
  ({ six }) => (six ? null : ['ECN --ecn-tcp-remove', 'tcp']),
  ({ r, hook }) =>
    hook === 'PREROUTING' || hook === 'INPUT'
      ? null
      : [r.one(['TCPMSS --set-mss 1000', 'TCPMSS --clamp-mss-to-pmtu']), 'tcp-syn'],
  ({ r }) => [`TCPOPTSTRIP --strip-options ${r.one(['timestamp', 'wscale,sack-permitted', 'mss', '8,2'])}`, 'tcp'],
  ({ r, hook }) =>
    ['OUTPUT', 'FORWARD', 'POSTROUTING'].includes(hook) ? [`CLASSIFY --set-class ${r.one(['1:2', '0:1'])}`] : null,
  () => ['CHECKSUM --checksum-fill'],
  (s) => (s.r.chance(60) ? [`TEE --gateway ${oneHost(s)}`] : null),
  ({ r, hook }) =>
    hook === 'PREROUTING' && r.chance(20)
      ? ['TPROXY --on-port 99 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1', r.one(['tcp', 'udp'])]
      : null,
  ...ANYWHERE,
  ({ r }) => (r.chance(30) ? ['DROP'] : null),
  () => ['ACCEPT'],
  () => ['RETURN'],
];

const RAW: readonly Target[] = [
  ({ r }) => [
    r.one(['CT --notrack', 'NOTRACK', 'CT --zone 1', 'CT --zone 2', 'CT --zone-orig 3', 'CT --zone-reply 4']),
  ],
  () => ['ACCEPT'],
  () => ['RETURN'],
  ({ r }) => [`MARK --set-xmark ${r.one(MARKS)}/0xffff`],
  ({ r }) => (r.chance(30) ? ['DROP'] : null),
  ...ANYWHERE.slice(0, 3),
];

function destination(scene: Scene): string {
  const { r, six } = scene;
  const host = oneHost(scene);
  const port = r.one(PORTS);
  return six ? r.one([host, `[${host}]:${port}`]) : r.one([host, `${host}:${port}`, `${host}:${port}`]);
}

const TRANSPORTS = ['tcp', 'udp', 'sctp'];

const NAT: readonly Target[] = [
  (s) =>
    ['PREROUTING', 'OUTPUT'].includes(s.hook) ? [`DNAT --to-destination ${destination(s)}`, s.r.one(TRANSPORTS)] : null,
  (s) =>
    ['PREROUTING', 'OUTPUT'].includes(s.hook) ? [`DNAT --to-destination ${destination(s)}`, s.r.one(TRANSPORTS)] : null,
  (s) => (['PREROUTING', 'OUTPUT'].includes(s.hook) ? [`DNAT --to-destination ${oneHost(s)}`] : null),
  ({ r, hook }) =>
    ['PREROUTING', 'OUTPUT'].includes(hook)
      ? [`REDIRECT${r.one(['', ' --to-ports 80'])}`, r.one(['tcp', 'udp'])]
      : null,
  ({ r, hook }) => (hook === 'POSTROUTING' ? [r.one(['MASQUERADE', 'MASQUERADE', 'MASQUERADE'])] : null),
  ({ r, hook, node, six }) =>
    hook === 'POSTROUTING' || hook === 'INPUT' ? [`SNAT --to-source ${r.one(six ? node.ip6s : node.ips)}`] : null,
  ({ r, hook, six }) =>
    hook === 'INPUT' || six
      ? null
      : [`NETMAP --to ${hook === 'POSTROUTING' ? '10.0.1' : r.one(['10.0.1', '10.0.2'])}.0/24`],
  () => ['ACCEPT'],
  () => ['RETURN'],
  ({ r }) => [`LOG --log-prefix "kn:${r.below(100)} "`],
  ({ r }) => [`MARK --set-xmark ${r.one(MARKS)}/${r.one(MARKS)}`],
];

const TABLES: Readonly<Record<string, { readonly hooks: readonly string[]; readonly targets: readonly Target[] }>> = {
  raw: { hooks: ['PREROUTING', 'OUTPUT'], targets: RAW },
  mangle: { hooks: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'], targets: MANGLE },
  nat: { hooks: ['PREROUTING', 'PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING', 'POSTROUTING'], targets: NAT },
  filter: { hooks: ['INPUT', 'FORWARD', 'FORWARD', 'OUTPUT'], targets: FILTER },
};

function rule(scene: Scene, chain: string, targets: readonly Target[]): string {
  let found: ReturnType<Target> = null;
  while (found === null) found = scene.r.one(targets)(scene);
  const [target, need] = found;
  const syn = need === 'tcp-syn' ? '-m tcp --tcp-flags SYN,RST SYN ' : '';
  const { text, name } = protocol(scene, need === 'tcp-syn' ? 'tcp' : (need ?? null));
  const words = places(scene) + (syn === '' ? text : `-p tcp ${syn}`) + matches(scene, name);
  // A rule for every packet hides what is behind it.
  const jump = `-j ${target}`;
  return words === '' && !scene.r.chance(15) ? rule(scene, chain, targets) : `-A ${chain} ${words}${jump}`;
}

/** One table: rules in its own chains, and up to two chains of its own that others jump (or go) to. */
function table(base: Omit<Scene, 'table' | 'hook'>, name: string): string[] {
  const { r } = base;
  const { hooks, targets } = TABLES[name]!;
  const users = Array.from({ length: r.below(3) }, (_, i) => `${name.slice(0, 3).toUpperCase()}-${i}`);
  const scene = (hook: string): Scene => ({ ...base, table: name, hook });
  const own = r.times(2, 7, () => {
    const hook = r.one(hooks);
    if (users.length === 0 || !r.chance(20)) return rule(scene(hook), hook, targets);
    const { text, name: protocolName } = protocol(scene(hook), null);
    const words = places(scene(hook)) + text + matches(scene(hook), protocolName);
    return `-A ${hook} ${words}${r.one(['-j', '-j', '-g'])} ${r.one(users)}`;
  });
  // From every hook of the table a chain of users can be reached, so nothing in it may need one hook.
  const inner = users.flatMap((user, i) => [
    ...r.times(1, 4, () => rule(scene('USER'), user, targets)),
    ...(users[i + 1] !== undefined && r.chance(40) ? [`-A ${user} -j ${users[i + 1]}`] : []),
  ]);
  const policies = name === 'filter' ? [`:FORWARD ${r.one(['ACCEPT', 'ACCEPT', 'ACCEPT', 'DROP'])} [0:0]`] : [];
  return [`*${name}`, ...policies, ...users.map((user) => `:${user} - [0:0]`), ...own, ...inner, 'COMMIT'];
}

const hostAndMac = ({ ip, mac }: Host): string => `${ip},${mac}`;

const SETS: readonly (readonly [type: string, flags: number, elements: (r: Chooser, world: World) => string])[] = [
  ['hash:ip', 1, (r, w) => r.one(w.hosts).ip],
  ['hash:net', 1, (r, w) => `${r.one(w.hosts).ip}/${r.one([24, 30, 31])}`],
  ['hash:ip,port', 2, (r, w) => `${r.one(w.hosts).ip},${r.one(['tcp', 'udp'])}:${r.one(PORTS)}`],
  ['hash:net,port', 2, (r, w) => `${r.one(w.hosts).ip}/24,${r.one(['tcp', 'udp'])}:${r.one(PORTS)}`],
  ['hash:ip,port,ip', 3, (r, w) => `${r.one(w.hosts).ip},tcp:${r.one(PORTS)},${r.one(w.hosts).ip}`],
  ['hash:net,iface', 2, (r, w) => `${r.one(w.hosts).ip}/24,${r.one(w.devices)}`],
  ['hash:ip,port,net', 3, (r, w) => `${r.one(w.hosts).ip},udp:${r.one(PORTS)},${r.one(w.hosts).ip}/32`],
  ['bitmap:ip,mac range 10.0.0.0/16', 2, (r, w) => hostAndMac(r.one(w.hosts))],
  ['bitmap:port range 0-65535', 1, (r) => String(r.one(PORTS))],
  ['bitmap:ip range 10.0.0.0/16', 1, (r, w) => r.one(w.hosts).ip],
];

function sets(r: Chooser, world: World): { text: string; sets: { name: string; flags: number }[] } {
  if (!r.chance(35)) return { text: '', sets: [] };
  const chosen = r.times(1, 3, (i) => ({
    name: `s${i}`,
    kind: r.one(SETS),
    counters: r.chance(30) ? ' counters' : '',
  }));
  const lines = chosen.flatMap(({ name, kind: [type, , element], counters }) => [
    `create ${name} ${type}${counters}`,
    ...new Set(r.times(1, 4, () => `add ${name} ${element(r, world)}`)),
  ]);
  return { text: `${lines.join('\n')}\n`, sets: chosen.map(({ name, kind }) => ({ name, flags: kind[1] })) };
}

/** Texts by file name for every node of a world. */
export function randomTexts(r: Chooser, world: World): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const node of world.nodes) {
    const made = sets(r, world);
    if (made.text !== '') texts[`${node.ns}.ipset`] = made.text;
    for (const six of world.ipv6 ? [false, true] : [false]) {
      const scene = { r, world, node, six, sets: six ? [] : made.sets };
      const chances = { raw: 35, mangle: 70, nat: 60, filter: 95 };
      const tables = Object.entries(chances).filter(([, chance]) => r.chance(chance));
      const lines = tables.flatMap(([name]) => table(scene, name));
      texts[`${node.ns}.rules${six ? '6' : ''}`] = `${lines.join('\n')}\n`;
    }
  }
  return texts;
}
