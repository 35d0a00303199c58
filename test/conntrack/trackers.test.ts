import { describe, expect, test } from 'vitest';
import { conntrackList, formatConntrack, formatEvent, formatProc } from '../../src/conntrack/listing.ts';
import { STATE_ESTABLISHED, STATE_INVALID, STATE_NEW, STATE_RELATED } from '../../src/conntrack/status.ts';
import type { Layer } from '../../src/packet/layer.ts';
import { Stand } from './stand.ts';

const [A, B] = ['10.0.1.2', '10.0.2.2'] as const;
const there: Layer = { ipv4: { src: A, dst: B } };
const back: Layer = { ipv4: { src: B, dst: A } };

const udp = (dir: 0 | 1, port = 4000): Layer[] =>
  dir === 0 ? [there, { udp: { srcPort: port, dstPort: 53 } }] : [back, { udp: { srcPort: 53, dstPort: port } }];

const tcp = (dir: 0 | 1, flags: string, seq: number, ack = 0, window = 1000): Layer[] =>
  dir === 0
    ? [there, { tcp: { srcPort: 4000, dstPort: 80, flags, seq, ack, window } }]
    : [back, { tcp: { srcPort: 80, dstPort: 4000, flags, seq, ack, window } }];

describe('UDP', () => {
  test('is a stream after two seconds with an answer', () => {
    const stand = new Stand();
    expect(stand.send(udp(0)).state).toBe(STATE_NEW);
    expect(stand.send(udp(1)).state).toBe(STATE_ESTABLISHED);
    stand.send(udp(0));
    expect(conntrackList(stand.conntrack)[0]).toMatch(/^ipv4 udp 17 30 .*mark=0/);
    stand.wait(2.1);
    stand.send(udp(0));
    expect(conntrackList(stand.conntrack)[0]).toMatch(/^ipv4 udp 17 120 .*\[ASSURED\]/);
  });

  test('is forgotten when its time is over, to the nanosecond', () => {
    const stand = new Stand();
    stand.send(udp(0));
    stand.clock.advance(30e9 - 1);
    expect(formatProc(stand.conntrack)).toHaveLength(1);
    stand.clock.advance(30e9);
    expect(formatProc(stand.conntrack)).toHaveLength(0);
    expect(stand.send(udp(1)).state).toBe(STATE_NEW);
    expect(stand.conntrack.count).toBe(1);
  });

  test('with a bad checksum or length is INVALID and leaves nothing', () => {
    const stand = new Stand();
    const bad = (fields: object): Layer[] => [there, { udp: { srcPort: 1, dstPort: 2, ...fields } }];
    expect(stand.send(bad({ checksum: 0x1234 })).state).toBe(STATE_INVALID);
    expect(stand.send(bad({ length: 9 })).state).toBe(STATE_INVALID);
    expect(stand.send(bad({ length: 7 })).state).toBe(STATE_INVALID);
    expect(stand.send(bad({ checksum: 0 })).state).toBe(STATE_NEW);
    expect(stand.conntrack.count).toBe(1);
  });
});

describe('TCP', () => {
  function open(stand: Stand): void {
    stand.send(tcp(0, 'S', 100));
    stand.send(tcp(1, 'S.', 500, 101));
    stand.send(tcp(0, '.', 101, 501));
  }

  test('walks from SYN to TIME_WAIT', () => {
    const stand = new Stand();
    const states: string[] = [];
    for (const [dir, flags, seq, ack] of [
      [0, 'S', 100, 0],
      [1, 'S.', 500, 101],
      [0, '.', 101, 501],
      [0, 'F.', 101, 501],
      [1, '.', 501, 102],
      [1, 'F.', 501, 102],
      [0, '.', 102, 502],
    ] as const) {
      stand.send(tcp(dir, flags, seq, ack));
      states.push(conntrackList(stand.conntrack)[0]!.split(' ').slice(3, 5).join(' '));
    }
    expect(states).toEqual([
      '120 SYN_SENT',
      '60 SYN_RECV',
      '432000 ESTABLISHED',
      '120 FIN_WAIT',
      '60 CLOSE_WAIT',
      '30 LAST_ACK',
      '120 TIME_WAIT',
    ]);
  });

  test('out of the window is INVALID, and says why', () => {
    const stand = new Stand();
    const said: string[] = [];
    stand.ns.sysctl.set('net.netfilter.nf_conntrack_log_invalid', 6);
    stand.conntrack.onInvalid = (_pkt, prefix) => said.push(prefix);
    open(stand);
    expect(stand.send(tcp(0, '.', 5000, 501)).state).toBe(STATE_INVALID);
    expect(stand.send(tcp(0, '.', 101, 9000)).state).toBe(STATE_INVALID);
    expect(said).toEqual([
      'nf_ct_proto_6: SEQ is over upper bound 1102 (over the window of the receiver) ',
      'nf_ct_proto_6: ACK is over upper bound 502 (ACKed data not seen yet) ',
    ]);
    stand.ns.sysctl.set('net.netfilter.nf_conntrack_tcp_be_liberal', 1);
    expect(stand.send(tcp(0, '.', 5000, 501)).state).toBe(STATE_ESTABLISHED);
  });

  test('an RST must be exact to close', () => {
    const stand = new Stand();
    open(stand);
    stand.send(tcp(1, 'R', 550));
    expect(conntrackList(stand.conntrack)[0]).toContain(' 10 ESTABLISHED ');
    stand.send(tcp(1, 'R', 501));
    expect(conntrackList(stand.conntrack)[0]).toContain(' 10 CLOSE ');
  });

  test('an RST that answers a SYN deletes the entry, and is of it still', () => {
    const stand = new Stand();
    stand.send(tcp(0, 'S', 100));
    expect(stand.send(tcp(1, 'R.', 0, 101)).state).toBe(STATE_ESTABLISHED);
    expect(formatProc(stand.conntrack)).toEqual([]);
    expect(stand.conntrack.count).toBe(0);
  });

  test('a SYN reopens what its own side closed', () => {
    const stand = new Stand();
    open(stand);
    stand.send(tcp(0, 'R', 101));
    expect(stand.send(tcp(0, 'S', 9000)).state).toBe(STATE_NEW);
    expect(conntrackList(stand.conntrack)[0]).toContain(' 120 SYN_SENT ');
  });

  test.each(['', 'F', 'P', 'U', 'SF', 'SR', 'FR', 'R.U'])('flags %j are INVALID', (flags) => {
    expect(new Stand().send(tcp(0, flags, 1)).state).toBe(STATE_INVALID);
  });
});

describe('ICMP', () => {
  const echo = (dir: 0 | 1, type = dir === 0 ? 8 : 0): Layer[] => [
    dir === 0 ? there : back,
    { icmp: { type, id: 7, sequence: 1 } },
  ];

  test('an echo opens, its reply is ESTABLISHED, a reply alone is INVALID', () => {
    const stand = new Stand();
    expect(stand.send(echo(1)).state).toBe(STATE_INVALID);
    expect(stand.send(echo(0)).state).toBe(STATE_NEW);
    expect(stand.send(echo(1)).state).toBe(STATE_ESTABLISHED);
    expect(conntrackList(stand.conntrack)[0]).toContain('type=8 code=0 id=7 packets=1');
  });

  test('an error is RELATED to the connection that it quotes', () => {
    const stand = new Stand();
    stand.send(udp(0));
    const error = (to: string): Layer[] => [{ ipv4: { src: B, dst: to } }, { icmp: { type: 3, code: 3 } }, ...udp(0)];
    expect(stand.send(error(A)).state).toBe(STATE_RELATED);
    expect(stand.send(error('10.0.1.9')).state).toBe(STATE_INVALID);
  });
});

describe('IPv6', () => {
  test('flows, echoes and errors are tracked as IPv4 ones are; neighbour discovery is not', () => {
    const stand = new Stand();
    const out: Layer = { ipv6: { src: 'fd00:1::2', dst: 'fd00:2::2' } };
    const home: Layer = { ipv6: { src: 'fd00:2::2', dst: 'fd00:1::2' } };
    expect(stand.send([out, { udp: { srcPort: 1, dstPort: 2 } }]).state).toBe(STATE_NEW);
    expect(stand.send([home, { udp: { srcPort: 2, dstPort: 1 } }]).state).toBe(STATE_ESTABLISHED);
    expect(stand.send([out, { icmpv6: { type: 128, id: 3 } }]).state).toBe(STATE_NEW);
    expect(stand.send([home, { icmpv6: { type: 129, id: 3 } }]).state).toBe(STATE_ESTABLISHED);
    const quote: Layer[] = [home, { icmpv6: { type: 1, code: 4 } }, out, { udp: { srcPort: 1, dstPort: 2 } }];
    expect(stand.send(quote).state).toBe(STATE_RELATED);
    expect(stand.send([out, { icmpv6: { type: 135 } }]).ct).toBe(-1);
    expect(formatProc(stand.conntrack)[0]).toContain('src=fd00:0001:0000:0000:0000:0000:0000:0002 ');
  });
});

describe('limits', () => {
  test('no row stays behind for packets that were dropped', () => {
    const stand = new Stand();
    for (let i = 0; i < 1000; i++) stand.send(udp(0, 1000 + i), '', 'drop');
    expect(stand.conntrack.count).toBe(0);
    expect(stand.conntrack.table.rows).toBeLessThan(4);
    expect(stand.pool.live).toBe(0);
  });

  test('a full table drops the packet, unless something has expired', () => {
    const stand = new Stand();
    stand.ns.sysctl.set('net.netfilter.nf_conntrack_max', 3);
    for (let i = 0; i < 3; i++) stand.send(udp(0, 1000 + i));
    expect(stand.send(udp(0, 2000)).bytes).toBeNull();
    expect(stand.send(udp(1, 1000)).state).toBe(STATE_ESTABLISHED);
    stand.wait(31);
    expect(stand.send(udp(0, 2000)).state).toBe(STATE_NEW);
  });

  test('early drop takes a connection that is not ASSURED from the buckets near by', () => {
    const stand = new Stand();
    stand.ns.sysctl.set('net.netfilter.nf_conntrack_max', 3);
    stand.ns.sysctl.set('net.netfilter.nf_conntrack_buckets', 8);
    for (let i = 0; i < 3; i++) stand.send(udp(0, 1000 + i));
    expect(stand.send(udp(0, 2000)).state).toBe(STATE_NEW);
    expect(stand.conntrack.stats.earlyDrop).toBeGreaterThan(0);
    expect(stand.conntrack.count).toBeLessThanOrEqual(3);
  });
});

describe('text', () => {
  test('is that of /proc, of conntrack -L and of conntrack -E', () => {
    const stand = new Stand();
    const events: string[] = [];
    stand.conntrack.onEvent = (bits, ct) => events.push(formatEvent(stand.conntrack, bits, ct));
    stand.send(udp(0));
    stand.send(udp(1));
    const pair = (counters: string): string =>
      `src=${A} dst=${B} sport=4000 dport=53 ${counters}src=${B} dst=${A} sport=53 dport=4000`;
    expect(formatConntrack(stand.conntrack)).toEqual([
      `udp      17 30 ${pair('packets=1 bytes=28 ')} packets=1 bytes=28 mark=0 use=1`,
    ]);
    expect(formatConntrack(stand.conntrack, { extended: true })[0]).toMatch(/^ipv4 {5}2 udp {6}17 30 src/);
    expect(formatProc(stand.conntrack)[0]).toBe(
      `ipv4     2 udp      17 30 ${pair('packets=1 bytes=28 ')} packets=1 bytes=28 mark=0 zone=0 use=2`,
    );
    stand.conntrack.flush();
    expect(events).toEqual([
      `    [NEW] udp      17 30 ${pair('[UNREPLIED] ')}`,
      ` [UPDATE] udp      17 30 ${pair('')}`,
      `[DESTROY] udp      17 30 ${pair('packets=1 bytes=28 ')} packets=1 bytes=28`,
    ]);
  });
});
