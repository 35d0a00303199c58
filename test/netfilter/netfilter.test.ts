import { describe, expect, test } from 'vitest';
import { Conntrack } from '../../src/conntrack/conntrack.ts';
import { FORWARD, NF_ACCEPT, NF_DROP } from '../../src/net/hook.ts';
import { Netfilter, type NetfilterOptions } from '../../src/netfilter/netfilter.ts';
import { FLAG_TRACE } from '../../src/packet/packet.ts';
import { Trace } from '../../src/sim/trace.ts';
import { type Bench, bench, packet, type Sample } from './bench-table.ts';

const UDP: Sample = { src: '10.0.0.1', dst: '10.0.0.2', protocol: 17, sport: 1000, dport: 53 };

function setUp(options: NetfilterOptions = {}): { at: Bench; netfilter: Netfilter } {
  const at = bench();
  return { at, netfilter: new Netfilter(at.ns, new Conntrack(at.ns), options) };
}

/** Forward a packet from eth0 to eth1. */
function forward(at: Bench, sample: Sample): number {
  const pkt = packet(at, sample);
  const verdict = at.ns.hooks4.run(FORWARD, pkt, at.ns.device('eth0')!, at.ns.device('eth1')!);
  at.ns.pool.release(pkt);
  return verdict;
}

describe('tables of a namespace', () => {
  test('tables run by priority, and count', () => {
    const { at, netfilter } = setUp();
    netfilter.restore('*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m mark --mark 1 -j ACCEPT\nCOMMIT\n', 'f');
    expect(forward(at, UDP)).toBe(NF_DROP);
    netfilter.restore(
      '*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p udp --dport 53 -j MARK --set-mark 1\nCOMMIT\n',
      'f',
    );
    expect(forward(at, UDP)).toBe(NF_ACCEPT);
    expect(netfilter.save({ counters: true })).toBe(
      '*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [1:40]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n' +
        '[1:40] -A FORWARD -p udp -m udp --dport 53 -j MARK --set-xmark 0x1/0xffffffff\nCOMMIT\n' +
        '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [1:40]\n:OUTPUT ACCEPT [0:0]\n[1:40] -A FORWARD -m mark --mark 0x1 -j ACCEPT\nCOMMIT\n',
    );
  });

  test('a bad text loads nothing', () => {
    const { at, netfilter } = setUp();
    netfilter.restore('*filter\n:FORWARD DROP [0:0]\nCOMMIT\n', 'f');
    const text = '*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n*nat\n-A OUTPUT -j NOPE\nCOMMIT\n';
    expect(() => netfilter.restore(text, 'node.rules')).toThrow('node.rules:5:14: no chain or target NOPE');
    expect(forward(at, UDP)).toBe(NF_DROP);
    expect(netfilter.ruleset().tables).toHaveLength(1);
  });

  test('noflush keeps other rules, what they counted and where they stand', () => {
    const { at, netfilter } = setUp();
    const nth = '-m statistic --mode nth --every 3 --packet 2 -j DROP';
    netfilter.restore(`*filter\n:A - [0:0]\n-A FORWARD ${nth}\n-A FORWARD -j A\nCOMMIT\n`, 'f');
    expect([forward(at, UDP), forward(at, UDP)]).toEqual([NF_ACCEPT, NF_ACCEPT]);
    netfilter.restore('*filter\n:A - [0:0]\n-A A -p udp -j RETURN\nCOMMIT\n', 'f', { noflush: true, counters: true });
    expect(forward(at, UDP)).toBe(NF_DROP);
    const saved = netfilter.save({ counters: true });
    expect(saved).toContain('[1:40] -A FORWARD -m statistic');
    expect(saved).toContain('[2:80] -A FORWARD -j A');
    expect(saved).toContain('[0:0] -A A -p udp -j RETURN');
  });

  test('iptables-legacy makes a kept rule begin again', () => {
    const { at, netfilter } = setUp({ backend: 'legacy' });
    netfilter.restore('*filter\n-A FORWARD -m statistic --mode nth --every 2 --packet 1 -j DROP\nCOMMIT\n', 'f');
    expect(forward(at, UDP)).toBe(NF_ACCEPT);
    netfilter.restore('*filter\n:A - [0:0]\nCOMMIT\n', 'f', { noflush: true });
    expect(forward(at, UDP)).toBe(NF_ACCEPT);
    expect(forward(at, UDP)).toBe(NF_DROP);
  });

  test('namespaces that load one ruleset share its program, not its counters', () => {
    const [one, two] = [setUp(), setUp()];
    const ruleset = one.netfilter.restore('*filter\n-A FORWARD -j ACCEPT\nCOMMIT\n', 'f');
    two.netfilter.load(ruleset);
    forward(one.at, UDP);
    expect(one.netfilter.save({ counters: true })).toContain('[1:40] -A FORWARD -j ACCEPT');
    expect(two.netfilter.save({ counters: true })).toContain('[0:0] -A FORWARD -j ACCEPT');
  });

  test('a trace has a row for each rule that matched, and for the policy', () => {
    const { at, netfilter } = setUp();
    netfilter.restore(
      '*filter\n:A - [0:0]\n-A FORWARD -p udp -j A\n-A A -p tcp\n-A A -j MARK --or-mark 1\nCOMMIT\n',
      'f',
    );
    at.ns.trace = new Trace(at.ns.clock);
    forward(at, UDP);
    expect(at.ns.trace.drain().map(({ fields }) => fields)).toEqual([
      { hook: 'FORWARD', table: 'filter', chain: 'FORWARD', number: 1, text: '-p udp -j A' },
      { hook: 'FORWARD', table: 'filter', chain: 'A', number: 2, text: '-j MARK --set-xmark 0x1/0x1' },
      { hook: 'FORWARD', table: 'filter', chain: 'FORWARD', policy: 'ACCEPT' },
    ]);
  });

  test('TRACE of iptables-legacy writes where a packet was', () => {
    const lines: string[] = [];
    const { at, netfilter } = setUp({
      backend: 'legacy',
      log: (line) => lines.push(line.slice(0, line.indexOf(' IN='))),
    });
    netfilter.restore(
      '*filter\n:A - [0:0]\n-A FORWARD -j A\n-A FORWARD -p udp\n-A A -p udp\n-A A -j RETURN\nCOMMIT\n',
      'f',
    );
    const pkt = packet(at, UDP);
    pkt.flags |= FLAG_TRACE;
    at.ns.hooks4.run(FORWARD, pkt, at.ns.device('eth0')!, at.ns.device('eth1')!);
    expect(lines).toEqual([
      'TRACE: filter:FORWARD:rule:1',
      'TRACE: filter:A:rule:1',
      'TRACE: filter:A:return:2',
      'TRACE: filter:FORWARD:rule:2',
      'TRACE: filter:FORWARD:policy:3',
    ]);
  });
});

describe('verdicts of chains', () => {
  const outcomes = (rules: string, policy = 'DROP'): [number, string] => {
    const { at, netfilter } = setUp();
    netfilter.restore(`*filter\n:FORWARD ${policy} [0:0]\n:A - [0:0]\n:B - [0:0]\n${rules}\nCOMMIT\n`, 'f');
    const verdict = forward(at, UDP);
    return [verdict, /:FORWARD \w+ \[(\d+):/.exec(netfilter.save())![1]!];
  };

  test.each([
    ['-A FORWARD -j RETURN\n-A FORWARD -j ACCEPT', NF_DROP, '1'],
    ['-A FORWARD -j A\n-A FORWARD -j ACCEPT\n-A A -j RETURN', NF_ACCEPT, '0'],
    // What goto leads to returns to the last jump, or to the policy.
    ['-A FORWARD -g A\n-A FORWARD -j ACCEPT\n-A A -p udp', NF_DROP, '1'],
    ['-A FORWARD -j A\n-A FORWARD -j ACCEPT\n-A A -g B\n-A A -j DROP\n-A B -j RETURN', NF_ACCEPT, '0'],
    ['-A FORWARD -j B\n-A B -j A\n-A B -j ACCEPT\n-A A -p tcp -j DROP', NF_ACCEPT, '0'],
    ['-A FORWARD -i eth1 -j ACCEPT\n-A FORWARD ! -i eth+ -j ACCEPT\n-A FORWARD -o eth0 -j ACCEPT', NF_DROP, '1'],
    ['-A FORWARD -i eth0 -o eth+ ! -p tcp ! -s 10.0.0.2 -d 10.0.0.0/30 -j ACCEPT', NF_ACCEPT, '0'],
  ])('%s', (rules, verdict, policy) => {
    expect(outcomes(rules)).toEqual([verdict, policy]);
  });
});

describe('headers that are cut short', () => {
  const verdict = (backend: 'nft' | 'legacy', rule: string, sample: Sample): number => {
    const { at, netfilter } = setUp({ backend });
    netfilter.restore(`*filter\n-A FORWARD ${rule} -j ACCEPT\nCOMMIT\n`, 'f');
    return forward(at, sample);
  };
  const cut: Sample = { ...UDP, protocol: 6, length: 6 };

  test('legacy drops, nft asks what is there', () => {
    expect(verdict('legacy', '-p tcp --dport 80', cut)).toBe(NF_DROP);
    expect(verdict('nft', '-p tcp --dport 80', cut)).toBe(NF_ACCEPT);
    expect(verdict('nft', '-p tcp --tcp-option 5', cut)).toBe(NF_DROP);
  });
});
