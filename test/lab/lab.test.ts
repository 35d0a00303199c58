import { expect, test } from 'vitest';
import { Lab, type LabOptions } from '../../src/lab/lab.ts';
import { labSource } from '../../src/lab/source.ts';
import { compose } from '../../src/packet/compose.ts';
import { describe as line } from '../../src/packet/describe.ts';
import type { Layer } from '../../src/packet/layer.ts';

const MAC = {
  outside: '02:00:00:00:01:02',
  eth0: '02:00:00:00:01:01',
  near: '02:00:00:00:05:01',
  far: '02:00:00:00:05:02',
};

/** A router `r` with the outside world on one side and another namespace, `p`, on the other. */
const topology = {
  namespaces: {
    r: {
      links: [
        { name: 'eth0', type: 'port', port: 'a', mac: MAC.eth0, addrs: ['10.0.1.1/24'] },
        { name: 'veth0', type: 'veth', peer: ['p', 'eth0'], mac: MAC.near, addrs: ['10.5.0.1/24'] },
      ],
      neigh: [{ ip: '10.0.1.2', mac: MAC.outside, dev: 'eth0' }],
    },
    p: {
      links: [{ name: 'eth0', type: 'veth', peer: ['r', 'veth0'], mac: MAC.far, addrs: ['10.5.0.2/24'] }],
      routes: [{ dst: 'default', via: '10.5.0.1' }],
    },
  },
  ports: { a: { ns: 'r', dev: 'eth0' } },
};

interface Harness {
  readonly lab: Lab;
  /** `PORT> frame` of what left since the last look. */
  out(): string[];
}

function make(rules: Record<string, string> = {}, options: LabOptions = {}): Harness {
  const lab = new Lab(labSource(topology, 'test', new Map(Object.entries(rules))), options);
  let frames: string[] = [];
  lab.onFrame = (port, pkt) => {
    frames.push(`${port}> ${line(pkt.view, pkt.data, pkt.end)}`);
  };
  return {
    lab,
    out() {
      const list = frames;
      frames = [];
      return list;
    },
  };
}

const frame = (...layers: readonly Layer[]): Uint8Array =>
  compose([{ ethernet: { src: MAC.outside, dst: MAC.eth0 } }, ...layers], 'data');

const echo = (dst: string): Uint8Array =>
  frame({ ipv4: { src: '10.0.1.2', dst, ttl: 64 } }, { icmp: { type: 8, id: 1, sequence: 1 } });

test('namespaces talk over their cable: the neighbours find each other, and the answer comes back', () => {
  const { lab, out } = make();
  expect(lab.inject('a', echo('10.5.0.2'))).toBe(0);
  expect(out()).toEqual(['a> IP 10.5.0.2 > 10.0.1.2: ICMP echo reply, id 1, seq 1, length 12']);
  expect(lab.state().get('r.neigh')).toMatch(/^10\.5\.0\.2 dev veth0 lladdr 02:00:00:00:05:02 (REACHABLE|DELAY)\n$/);
  expect(lab.pool.live).toBe(0);
});

test('a raw socket sends: the packet passes OUTPUT and is routed', () => {
  const { lab, out } = make({ 'p.rules': '*filter\n-A OUTPUT -p udp -m udp --dport 9 -j DROP\nCOMMIT\n' });
  const udp = (dstPort: number): Uint8Array =>
    frame({ ipv4: { src: '10.5.0.2', dst: '10.0.1.2' } }, { udp: { srcPort: 1, dstPort } });
  expect(lab.inject('local:p', udp(53))).toBe(0);
  expect(out()).toEqual(['a> IP 10.5.0.2.1 > 10.0.1.2.53: UDP, length 4']);
  expect(lab.inject('local:p', udp(9))).toBe(-1);
  expect(out()).toEqual([]);
  expect(JSON.parse(lab.state().get('senderr.json')!)).toEqual([{ in: 1, errno: 1, text: 'Operation not permitted' }]);
  expect(JSON.parse(lab.state().get('drops.json')!)).toEqual([{ in: 1, reason: 'NETFILTER_DROP', ns: 'p' }]);
});

test('a frame that the device refuses is told to its sender', () => {
  const { lab } = make();
  expect(lab.inject('a', new Uint8Array(1500 + 19))).toBe(-105);
});

test('timers run at their instants, and what they cause belongs to the input before', () => {
  const { lab } = make();
  const causes: [number, number][] = [];
  lab.onFrame = (_port, _pkt, input) => {
    causes.push([input, Math.round(lab.clock.now / 1e9)]);
  };
  // Nobody on the wire answers for 10.0.1.9: three requests, a second apart, then host unreachable to the sender.
  lab.inject(
    'local:p',
    frame({ ipv4: { src: '10.5.0.2', dst: '10.0.1.9' } }, { udp: { srcPort: 1, dstPort: 2 } }),
    1e9,
  );
  lab.inject('a', echo('10.0.1.1'), 10e9);
  expect(causes).toEqual([
    [0, 1],
    [0, 2],
    [0, 3],
    [1, 10],
  ]);
});

test('time does not go back: an earlier time stamp means now', () => {
  const { lab } = make();
  lab.inject('a', echo('10.0.1.1'), 5e9);
  lab.inject('a', echo('10.0.1.1'), 1e9);
  expect(lab.clock.now).toBe(5e9);
});

test('a port that is not there is told with those that are', () => {
  const { lab } = make();
  expect(() => lab.inject('b', echo('10.0.1.1'))).toThrow('unknown port b, expected one of a, local:r, local:p');
});

test('settings that are not emulated are told, and a device that is not there is an error', () => {
  const withSysctl = (key: string) => {
    const changed = structuredClone(topology) as typeof topology & { namespaces: { r: { sysctls?: object } } };
    changed.namespaces.r.sysctls = { [key]: 1 };
    return new Lab(labSource(changed, 'test', new Map()));
  };
  expect(withSysctl('net.ipv4.conf.eth0.rp_filter').warnings).toEqual([]);
  expect(withSysctl('net.core.somaxconn').warnings).toEqual([
    'test: namespaces.r.sysctls.net.core.somaxconn: not emulated, left out',
  ]);
  expect(() => withSysctl('net.ipv4.conf.eth7.rp_filter')).toThrow(
    'test: namespaces.r.sysctls.net.ipv4.conf.eth7.rp_filter: unknown device "eth7"',
  );
});

test('what the kernel would refuse is told with its place', () => {
  const changed = structuredClone(topology);
  changed.namespaces.p.routes[0]!.via = '9.9.9.9';
  expect(() => new Lab(labSource(changed, 'test', new Map()))).toThrow(/^test: namespaces\.p\.routes\[0\]: /);
});

test('without a journal nothing is kept input by input', () => {
  const { lab } = make({}, { journal: false });
  lab.inject('a', new Uint8Array(3000));
  expect([...lab.state().keys()].filter((name) => name.endsWith('.json'))).toEqual([]);
});

test('a trace tells the rules by number and text, and changes no byte', () => {
  const rules = { 'r.rules': '*filter\n-A FORWARD -p icmp -m icmp --icmp-type 8 -j ACCEPT\nCOMMIT\n' };
  const [plain, traced] = [make(rules), make(rules, { trace: true })];
  plain.lab.inject('a', echo('10.5.0.2'));
  traced.lab.inject('a', echo('10.5.0.2'));
  expect(traced.out()).toEqual(plain.out());
  const events = traced.lab.trace!.drain().filter(({ kind }) => kind === 'rule');
  expect(events.map(({ ns, fields }) => [ns, fields['chain'], fields['number'], fields['text']])[0]).toEqual([
    'r',
    'FORWARD',
    1,
    '-p icmp -m icmp --icmp-type 8 -j ACCEPT',
  ]);
});
