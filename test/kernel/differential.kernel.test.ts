/**
 * Random rules and packets through this machine's own kernel and through a lab: the same frames, in the same order, and the
 * same counters and connections. Needs root, network namespaces and iptables, and is asked for with KERNEL=1.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { labSource } from '../../src/lab/source.ts';
import { ADDRESSES, type Experiment, generate, HOSTS, PORTS } from './generate.ts';
import { describeFrame } from './run-case.ts';

const SEEDS = Array.from({ length: 12 }, (_, i) => 101 + i);
const FLOWS = 40;
const RUNNER = fileURLToPath(new URL('./oracle/netns_run.py', import.meta.url));

interface Answer {
  readonly out: readonly { readonly in: number; readonly port: string; readonly hex: string }[];
  readonly counters: string;
  readonly conntrack: readonly string[];
}

/** Why the kernel cannot be asked here, or ''. */
function obstacle(): string {
  if (process.env['KERNEL'] !== '1') return 'KERNEL=1 not set';
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'not root on Linux';
  for (const tool of ['ip', 'tc', 'iptables-nft', 'iptables-legacy', 'python3']) {
    if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0) return `no ${tool}`;
  }
  const name = `podwire-probe-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0;
  spawnSync('ip', ['netns', 'del', name]);
  return made ? '' : 'no network namespaces';
}

const OFF = ['send_redirects', 'rp_filter', 'accept_redirects', 'log_martians'];

/** What a lab sets by itself, and the neighbours. */
const setup = (): string[] => [
  `sysctl -qw ${[
    'net.ipv4.ip_forward=1',
    ...OFF.flatMap((key) => ['all', 'default', 'eth0', 'eth1'].map((dev) => `net.ipv4.conf.${dev}.${key}=0`)),
    'net.ipv4.icmp_ratemask=0',
    'net.ipv4.icmp_ratelimit=0',
    'net.netfilter.nf_conntrack_acct=1',
  ].join(' ')}`,
  ...Object.entries(PORTS).map(
    ([port, { name }]) => `ip addr add ${ADDRESSES[port as keyof typeof ADDRESSES]}/24 brd + dev ${name}`,
  ),
  ...HOSTS.map(
    ({ port, address, mac }) => `ip neigh replace ${address} lladdr ${mac} dev ${PORTS[port].name} nud permanent`,
  ),
];

function askKernel({ seed, rules, frames }: Experiment, backend: string): Answer {
  const job = {
    name: `podwire-${process.pid}-${seed}`,
    setup: setup(),
    ports: PORTS,
    rules,
    backend,
    frames: frames.map(({ port, bytes }) => ({ port, hex: Buffer.from(bytes).toString('hex') })),
  };
  const { status, stdout, stderr } = spawnSync('python3', [RUNNER], {
    input: JSON.stringify(job),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`the kernel could not be asked: ${stderr}`);
  return JSON.parse(stdout) as Answer;
}

const topology = {
  namespaces: {
    r: {
      links: Object.entries(PORTS).map(([port, { name, mac }]) => ({
        name,
        type: 'port',
        port,
        mac,
        addrs: [`${ADDRESSES[port as keyof typeof ADDRESSES]}/24`],
      })),
      neigh: HOSTS.map(({ port, address, mac }) => ({ ip: address, mac, dev: PORTS[port].name })),
    },
  },
  ports: Object.fromEntries(Object.entries(PORTS).map(([port, { name }]) => [port, { ns: 'r', dev: name }])),
};

function askLab({ rules, frames }: Experiment, backend: 'nft' | 'legacy', lookup: 'linear' | 'indexed'): Answer {
  const lab = new Lab(labSource(topology, 'generated', new Map([['r.rules', rules]])), { lookup, backend });
  const out: { in: number; port: string; hex: string }[] = [];
  lab.onFrame = (port, pkt, input) => {
    out.push({ in: input, port, hex: Buffer.from(pkt.bytes.slice(pkt.data, pkt.end)).toString('hex') });
  };
  frames.forEach(({ port, bytes }, i) => {
    lab.inject(port, bytes, i * 1e6);
  });
  const state = lab.state();
  return { out, counters: state.get('r.counters')!, conntrack: state.get('r.conntrack')!.trimEnd().split('\n') };
}

const ICMP_ERRORS = ['03', '05', '0b', '0c'];
const ECHO_REPLY = '00';
const OWN = Object.values(ADDRESSES).map((address) => Buffer.from(address.split('.').map(Number)).toString('hex'));

/** ICMP that the kernel makes itself: its IP id, and so the header checksum, is by chance. */
function withoutChance(hex: string): string {
  const isIcmp = hex.slice(24, 28) === '0800' && hex.slice(46, 48) === '01';
  const [source, type] = [hex.slice(52, 60), hex.slice(68, 70)];
  const own = ICMP_ERRORS.includes(type) || (type === ECHO_REPLY && OWN.includes(source));
  return isIcmp && own ? `${hex.slice(0, 36)}....${hex.slice(40, 48)}....${hex.slice(52)}` : hex;
}

const frameLines = ({ out }: Answer): string[] =>
  out.map(
    ({ in: input, port, hex }) => `${input} ${port}> ${describeFrame(Buffer.from(hex, 'hex'))} ${withoutChance(hex)}`,
  );

/** Connections without what runs with time. */
const connectionLines = ({ conntrack }: Answer): string[] =>
  conntrack
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/).filter((word) => !/^(use|secctx)=/.test(word)))
    .map((words) => (/^\d+$/.test(words[1]!) ? [words[0], ...words.slice(2)] : words))
    .map((words) =>
      words
        .map((word, i) => (i === 3 ? '-' : word))
        .join(' ')
        .replace(/ zone=0\b/, ''),
    )
    .sort();

const reason = obstacle();

describe.skipIf(reason !== '')(
  `random rules and packets, as this machine's kernel${reason && ` (skipped: ${reason})`}`,
  () => {
    for (const seed of SEEDS) {
      const backend = seed % 2 === 0 ? 'legacy' : 'nft';
      test(`seed ${seed}, ${backend}`, { timeout: 60_000 }, () => {
        const experiment = generate(seed, FLOWS);
        const kernel = askKernel(experiment, backend);
        for (const lookup of ['linear', 'indexed'] as const) {
          const ours = askLab(experiment, backend, lookup);
          expect(frameLines(ours), experiment.rules).toEqual(frameLines(kernel));
          expect(ours.counters).toBe(kernel.counters);
          expect(connectionLines(ours)).toEqual(connectionLines(kernel));
        }
      });
    }
  },
);
