import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FORWARD, INPUT, OUTPUT } from '../../src/net/hook.ts';
import { Trace } from '../../src/sim/trace.ts';
import { bench, packet, type Sample, table } from './bench-table.ts';

const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '10.96.0.10', '192.168.0.1'];
const PORTS = [53, 80, 443, 8080];

const address = fc.constantFrom(...ADDRESSES);
const net = fc.tuple(address, fc.constantFrom(8, 16, 24, 31, 32)).map(([ip, length]) => `${ip}/${length}`);
const maybe = (words: fc.Arbitrary<string>, weight = 2): fc.Arbitrary<string> =>
  fc.oneof({ weight, arbitrary: fc.constant('') }, { weight: 1, arbitrary: words });
const not = fc.oneof({ weight: 4, arbitrary: fc.constant('') }, { weight: 1, arbitrary: fc.constant('! ') });

const port = fc.constantFrom(...PORTS);
const transport = fc.oneof(
  fc.constant(''),
  fc.tuple(not, fc.constantFrom('tcp', 'udp', 'icmp')).map(([n, p]) => `${n}-p ${p}`),
  fc.tuple(fc.constantFrom('tcp', 'udp'), not, port).map(([p, n, value]) => `-p ${p} ${n}--dport ${value}`),
  fc.tuple(fc.constantFrom('tcp', 'udp'), port).map(([p, value]) => `-p ${p} -m comment --comment x --dport ${value}`),
  fc.tuple(port, port).map(([a, b]) => `-p tcp --sport ${Math.min(a, b)}:${Math.max(a, b)}`),
  fc.tuple(port, port).map(([a, b]) => `-p tcp -m multiport --dports ${a},${b}`),
  port.map((value) => `-p tcp -m mark --mark 0x1/0x1 -m tcp --dport ${value}`),
  fc.constant('-p tcp --syn'),
  fc.constant('-p tcp --tcp-option 5 --dport 80'),
);
const matches = fc.constantFrom(
  '',
  '-m mark --mark 0x1/0x1',
  '-m mark ! --mark 0x2/0x2',
  '-m statistic --mode nth --every 2 --packet 0',
  '-m statistic --mode nth --every 3 --packet 1',
  '-m statistic --mode random --probability 0.5',
  '-i eth0',
  '-f',
);
const device = fc.constantFrom('', '', '', '-i eth+', '! -i cni0');

const rule = (chain: string, below: readonly string[]): fc.Arbitrary<string> => {
  const jumps = below.flatMap((name) => [`-j ${name}`, `-j ${name}`, `-g ${name}`]);
  const target = fc.constantFrom(
    '',
    '-j ACCEPT',
    '-j DROP',
    '-j RETURN',
    '-j MARK --set-xmark 0x1/0x0',
    '-j MARK --or-mark 2',
    ...jumps,
  );
  return fc
    .tuple(
      maybe(fc.tuple(not, net).map(([n, a]) => `${n}-s ${a}`)),
      maybe(
        fc.tuple(not, net).map(([n, a]) => `${n}-d ${a}`),
        1,
      ),
      device,
      transport,
      matches,
      target,
    )
    .map((words) => `-A ${chain} ${words.filter((word) => word !== '').join(' ')}`)
    .filter((line) => (line.match(/ -i /g) ?? []).length < 2);
};

/** Chains that jump only to later ones, most of them long enough for an index. */
const ruleset = fc
  .tuple(
    fc.array(rule('FORWARD', ['A', 'B', 'C']), { minLength: 6, maxLength: 20 }),
    fc.array(rule('A', ['B', 'C']), { maxLength: 20 }),
    fc.array(rule('B', ['C']), { maxLength: 20 }),
    fc.array(rule('C', []), { maxLength: 20 }),
  )
  .map((chains) => `*mangle\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n${chains.flat().join('\n')}\nCOMMIT\n`);

const sample: fc.Arbitrary<Sample> = fc.record({
  src: address,
  dst: address,
  protocol: fc.constantFrom(1, 6, 6, 6, 17, 17, 132),
  sport: port,
  dport: port,
  mark: fc.constantFrom(0, 1, 2),
  fragment: fc.constantFrom(0, 0, 0, 0x2000, 0x2001, 1, 100),
  length: fc.constantFrom(20, 20, 20, 24, 0, 2, 7, 8, 13, 14, 19),
  flags: fc.constantFrom(2, 16, 18),
});

/** Everything that a table did to packets. */
function outcome(text: string, samples: readonly Sample[], lookup: 'linear' | 'indexed', backend: 'nft' | 'legacy') {
  const at = bench();
  const state = table(at, text, lookup, backend);
  const trace = new Trace(at.ns.clock);
  at.ns.trace = trace;
  const verdicts = samples.map((one, i) => {
    const pkt = packet(at, one);
    const verdict = state.run(pkt, FORWARD, at.devices[2 + (i % 3)]!, at.devices[2]!);
    const { mark } = pkt;
    at.ns.pool.release(pkt);
    return [verdict, mark];
  });
  const events = trace.drain().map(({ fields }) => fields);
  return { verdicts, counters: [...state.counters], cells: [...state.cells], events };
}

describe('linear and indexed lookup', () => {
  test('give the same verdicts, marks, counters, state and traces', () => {
    fc.assert(
      fc.property(
        ruleset,
        fc.array(sample, { minLength: 1, maxLength: 12 }),
        fc.constantFrom('nft', 'legacy'),
        (text, samples, backend) => {
          expect(outcome(text, samples, 'indexed', backend)).toEqual(outcome(text, samples, 'linear', backend));
        },
      ),
      { numRuns: 400 },
    );
  });

  const services = Array.from({ length: 2000 }, (_, i) => {
    const vip = `10.96.${i >> 8}.${i & 255}`;
    return `-A FORWARD -d ${vip}/32 -p tcp -m comment --comment "ns/svc${i}" -m tcp --dport 80 -j DROP`;
  });
  const text = `*filter\n${services.join('\n')}\n-A FORWARD -m mark --mark 1 -j ACCEPT\nCOMMIT\n`;
  const last: Sample = { src: '10.0.0.1', dst: '10.96.7.207', protocol: 6, sport: 1, dport: 80 };

  test('differ in the rules that they visit', () => {
    const at = bench();
    const linear = table(at, text, 'linear');
    const indexed = table(at, text, 'indexed');
    const none = at.devices[0]!;
    expect(linear.run(packet(at, last), FORWARD, none, none)).toBe(0);
    expect(indexed.run(packet(at, last), FORWARD, none, none)).toBe(0);
    expect(linear.visits).toBe(2000);
    expect(indexed.visits).toBe(1);
    indexed.run(packet(at, { ...last, dport: 81 }), FORWARD, none, none);
    // The mark rule and the policy.
    expect(indexed.visits).toBe(3);
  });

  test('a table without the hook accepts', () => {
    const at = bench();
    const state = table(at, '*raw\n:PREROUTING DROP [0:0]\nCOMMIT\n');
    expect(state.run(packet(at, last), INPUT, at.devices[1]!, at.devices[0]!)).toBe(1);
    expect(state.run(packet(at, last), OUTPUT, at.devices[0]!, at.devices[1]!)).toBe(1);
  });
});
