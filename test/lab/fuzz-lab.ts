/**
 * A lab with everything in it: routed ports, one with a small MTU, a bridge with br_netfilter, VXLAN devices routed and
 * bridged, both families, rules of every match and target, NAT in every hook, and tables small enough to overflow.
 */
import { Lab } from '../../src/lab/lab.ts';
import { labSource } from '../../src/lab/source.ts';
import { parse4, parseMac } from '../../src/packet/address.ts';
import { MATCHES, MATCHES6, TARGETS, TARGETS6, type Vocabulary } from '../netfilter/vocabulary.ts';

export const CONNECTIONS = 1500;
export const NEIGHBOURS = 64;
export const FRAGMENT_BYTES = 200_000;

const PORTS = { a: 'eth0', b: 'eth1', c: 'eth2', d: 'eth3', e: 'eth4' } as const;
/** Addresses that frames may be changed to: the lab's own, its neighbours', its services', and ill-famed ones. */
const ADDRESSES =
  '10.0.1.1 10.0.1.2 10.0.1.3 10.0.1.255 10.0.2.1 10.0.2.2 10.0.3.1 10.0.3.2 10.0.3.9 10.0.4.2 10.0.5.5 10.8.0.1 10.9.9.9 0.0.0.0 127.0.0.1 224.0.0.1 239.1.1.1 255.255.255.255 240.0.0.1 8.8.8.8';

const mac = (index: number): string => `02:00:00:00:0${index}:01`;

export const MACS: ReadonlyMap<string, Uint8Array> = new Map(
  Object.keys(PORTS).map((port, i) => [port, parseMac(mac(i + 1))!]),
);
export const TARGETS_OF_FRAMES: readonly number[] = ADDRESSES.split(' ').map((text) => parse4(text)!);

const link = (i: number, more: object = {}): object => ({
  name: `eth${i}`,
  type: 'port',
  port: 'abcde'[i],
  mac: mac(i + 1),
  addrs: [`10.0.${i + 1}.1/24`, `fd00:${i + 1}::1/64`],
  ...more,
});

const NEIGHBOUR = { mac: '02:00:00:00:01:02' };

const TOPOLOGY = {
  global_sysctls: { 'net.netfilter.nf_conntrack_max': CONNECTIONS },
  namespaces: {
    r: {
      ipv6: true,
      sysctls: {
        'net.bridge.bridge-nf-call-iptables': 1,
        'net.bridge.bridge-nf-call-ip6tables': 1,
        'net.bridge.bridge-nf-call-arptables': 1,
        'net.ipv4.ipfrag_high_thresh': FRAGMENT_BYTES,
        'net.netfilter.nf_conntrack_max': CONNECTIONS,
        'net.ipv4.neigh.default.gc_thresh1': NEIGHBOURS / 4,
        'net.ipv4.neigh.default.gc_thresh2': NEIGHBOURS / 2,
        'net.ipv4.neigh.default.gc_thresh3': NEIGHBOURS,
        'net.ipv4.conf.all.accept_source_route': 1,
        'net.ipv4.conf.eth0.accept_source_route': 1,
        'net.ipv4.conf.all.send_redirects': 1,
        'net.ipv4.conf.eth0.accept_redirects': 1,
        'net.ipv4.conf.eth1.proxy_arp': 1,
        'net.ipv4.conf.eth0.arp_accept': 1,
      },
      links: [
        { name: 'br0', type: 'bridge', mac: mac(9), addrs: ['10.0.3.1/24', 'fd00:3::1/64'] },
        link(0),
        link(1, { mtu: 700 }),
        link(2, { master: 'br0', addrs: [] }),
        link(3, { master: 'br0', addrs: [], brport: { hairpin: true, neigh_suppress: true } }),
        link(4, { mtu: 9000 }),
        { name: 'vx0', type: 'vxlan', vni: 7, local: '10.0.1.1', dev: 'eth0', mtu: 1450, addrs: ['10.0.4.1/24'] },
        {
          name: 'vx1',
          type: 'vxlan',
          vni: 8,
          local: '10.0.2.1',
          remote: '10.0.2.2',
          master: 'br0',
          proxy: true,
          mtu: 1450,
        },
      ],
      neigh: [
        { ip: '10.0.1.2', dev: 'eth0', ...NEIGHBOUR },
        { ip: '10.0.2.2', dev: 'eth1', ...NEIGHBOUR },
        { ip: '10.0.5.5', dev: 'eth4', ...NEIGHBOUR },
        { ip: '10.0.4.2', dev: 'vx0', mac: '02:00:00:00:04:02' },
        { ip: 'fd00:1::2', dev: 'eth0', ...NEIGHBOUR },
        { ip: 'fd00:2::2', dev: 'eth1', ...NEIGHBOUR },
      ],
      routes: [
        { dst: '10.8.0.0/16', via: '10.0.4.2' },
        {
          dst: '10.9.0.0/16',
          nexthops: [
            { via: '10.0.1.2', dev: 'eth0' },
            { via: '10.0.2.9', dev: 'eth1', weight: 3 },
          ],
        },
        { dst: '10.10.0.0/16', type: 'unreachable' },
        { dst: '8.0.0.0/8', via: '10.0.5.5', mtu: 1280 },
        { dst: 'default', via: '10.0.2.2' },
      ],
      rules: [{ pref: 100, fwmark: '3/7', table: 254 }],
      fdb: [
        { mac: '02:00:00:00:04:02', dev: 'vx0', dst: '10.0.1.2' },
        { mac: '00:00:00:00:00:00', dev: 'vx0', dst: '10.0.1.3' },
        { mac: '00:00:00:00:00:00', dev: 'vx0', dst: '10.0.1.2' },
      ],
      listen: [
        { proto: 'udp', port: 53 },
        { proto: 'tcp', port: 80 },
      ],
    },
  },
  ports: Object.fromEntries(Object.entries(PORTS).map(([port, dev]) => [port, { ns: 'r', dev }])),
};

const HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];
/** What ends a packet's way is not chosen at random. */
const FINAL = /^(ACCEPT|DROP|RETURN|REJECT|QUEUE|NFQUEUE|TPROXY|SNAT|DNAT|MASQUERADE|REDIRECT|NETMAP|[DS]NPT)$/;

/** A rule for each option of a word list, in the chains of `table` where it may stand. */
function rules(table: string, words: Readonly<Record<string, Vocabulary>>, flag: '-m' | '-j'): string[] {
  return Object.entries(words).flatMap(([name, { options, tables, chains = HOOKS, protocols = [''] }]) =>
    options.flatMap((text) =>
      chains.flatMap((chain) => {
        const protocol = protocols[0] === '' ? '' : `-p ${protocols[0]} `;
        const word = name === 'icmp6' && flag === '-m' ? '-m icmp6' : `${flag} ${name}`;
        return tables !== undefined && !tables.includes(table) ? [] : [`-A ${chain} ${protocol}${word} ${text}`];
      }),
    ),
  );
}

const without = (words: Readonly<Record<string, Vocabulary>>, names: RegExp): Record<string, Vocabulary> =>
  Object.fromEntries(Object.entries(words).filter(([name]) => !names.test(name)));

const filled = (table: string, lines: readonly string[], chains: readonly string[] = HOOKS): string =>
  [`*${table}`, ...chains.map((chain) => `:${chain} ACCEPT [0:0]`), ...lines, 'COMMIT', ''].join('\n');

const OFTEN = '-m statistic --mode random --probability 0.';

export const RULES: string = [
  filled(
    'raw',
    [
      `-A PREROUTING -p udp ${OFTEN}02 -j CT --notrack`,
      '-A PREROUTING -i eth4 -j CT --zone 5',
      `-A PREROUTING ${OFTEN}05 -j CT --zone-orig 3`,
      `-A OUTPUT ${OFTEN}02 -j CT --notrack`,
      `-A PREROUTING ${OFTEN}01 -j TRACE`,
      '-A PREROUTING -m rpfilter --loose --validmark',
    ],
    ['PREROUTING', 'OUTPUT'],
  ),
  filled('mangle', [
    ...rules('mangle', without(MATCHES, /^(rpfilter|comment|set)$/), '-m'),
    ...rules('mangle', without(TARGETS, FINAL), '-j').map((rule) => rule.replace(' -j', ` ${OFTEN}1 -j`)),
    `-A PREROUTING ${OFTEN}1 -j TEE --gateway 10.0.2.2`,
    '-A PREROUTING -m set --match-set s1 src -j MARK --or-mark 64',
    '-A PREROUTING -p udp -j SET --add-set s1 src --exist',
  ]),
  filled(
    'nat',
    [
      '-A PREROUTING -d 10.8.0.1 -p tcp --dport 80 -j DNAT --to-destination 10.0.2.2:8080',
      '-A PREROUTING -d 10.9.9.9 -j DNAT --to-destination 10.0.1.2-10.0.1.4 --random',
      '-A PREROUTING -p udp --dport 53 -m statistic --mode nth --every 2 --packet 0 -j REDIRECT --to-ports 1053',
      '-A PREROUTING -d 10.77.0.0/16 -j NETMAP --to 10.0.0.0/16',
      `-A PREROUTING ${OFTEN}2 -j DNAT --to-destination 10.0.3.2`,
      '-A OUTPUT -d 10.8.0.1 -j DNAT --to-destination 127.0.0.1',
      `-A INPUT ${OFTEN}1 -j SNAT --to-source 10.0.2.77`,
      '-A POSTROUTING -o eth1 -p tcp -j MASQUERADE --to-ports 2000-2020',
      '-A POSTROUTING -o eth1 -j MASQUERADE --random-fully',
      `-A POSTROUTING ${OFTEN}3 -j SNAT --to-source 10.0.5.50-10.0.5.52 --persistent`,
    ],
    ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  ),
  filled(
    'filter',
    [
      `-A INPUT -p tcp ${OFTEN}1 -j REJECT --reject-with tcp-reset`,
      `-A FORWARD ${OFTEN}05 -j REJECT --reject-with icmp-admin-prohibited`,
      `-A FORWARD -p tcp ${OFTEN}05 -j REJECT --reject-with tcp-reset`,
      `-A OUTPUT ${OFTEN}05 -j REJECT`,
      '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A FORWARD -m connlimit --connlimit-above 30 -j DROP',
      `-A FORWARD ${OFTEN}05 -j NFQUEUE --queue-num 5`,
    ],
    ['INPUT', 'FORWARD', 'OUTPUT'],
  ),
].join('');

export const RULES6: string = [
  filled('mangle', [
    ...rules('mangle', without(MATCHES6, /^(comment|set)$/), '-m'),
    ...rules('mangle', without(TARGETS6, FINAL), '-j').map((rule) => rule.replace(' -j', ` ${OFTEN}1 -j`)),
    `-A PREROUTING ${OFTEN}05 -j DNPT --src-pfx fd00:1::/48 --dst-pfx fd00:9::/48`,
  ]),
  filled(
    'nat',
    [
      `-A PREROUTING ${OFTEN}2 -j DNAT --to-destination fd00:2::2`,
      '-A POSTROUTING -o eth1 -j MASQUERADE',
      `-A POSTROUTING ${OFTEN}3 -j SNAT --to-source fd00:1::77`,
    ],
    ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  ),
  filled(
    'filter',
    [`-A FORWARD ${OFTEN}1 -j REJECT`, `-A INPUT -p tcp ${OFTEN}1 -j REJECT --reject-with tcp-reset`],
    ['INPUT', 'FORWARD', 'OUTPUT'],
  ),
].join('');

/** @param seed of what Linux leaves to chance */
export function everythingLab(seed: number, lookup: 'linear' | 'indexed'): Lab {
  const texts = new Map([
    ['r.rules', RULES],
    ['r.rules6', RULES6],
    ['r.ipset', 'create s1 hash:ip timeout 60 maxelem 100 counters\n'],
  ]);
  return new Lab(labSource(TOPOLOGY, 'fuzz', texts), { journal: false, seed, lookup });
}
