import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { conntrackList } from '../../src/conntrack/listing.ts';
import {
  NatRange,
  RANGE_MAP_IPS,
  RANGE_PERSISTENT,
  RANGE_PROTO_OFFSET,
  RANGE_PROTO_RANDOM_FULLY,
  RANGE_PROTO_SPECIFIED,
} from '../../src/conntrack/nat-range.ts';
import { netmap } from '../../src/conntrack/nat-targets.ts';
import { MANIP_DST, MANIP_SRC } from '../../src/conntrack/status.ts';
import { IPV4, Tuple } from '../../src/conntrack/tuple.ts';
import { POSTROUTING, PREROUTING, type Verdict } from '../../src/net/hook.ts';
import { format4, parse4 } from '../../src/packet/address.ts';
import * as sum from '../../src/packet/checksum.ts';
import { compose } from '../../src/packet/compose.ts';
import * as ip from '../../src/packet/ipv4.ts';
import type { Layer } from '../../src/packet/layer.ts';
import type { Packet } from '../../src/packet/packet.ts';
import * as sctp from '../../src/packet/sctp.ts';
import { Stand } from './stand.ts';

const [A, B, VIP] = ['10.0.1.2', '10.0.2.2', '10.9.9.9'] as const;

interface RangeText {
  readonly to?: string;
  readonly last?: string;
  readonly ports?: readonly [number, number];
  readonly base?: number;
  readonly flags?: number;
}

function range({ to, last = to, ports, base, flags = 0 }: RangeText): NatRange {
  const made = new NatRange();
  made.flags = flags;
  if (to !== undefined) {
    made.flags |= RANGE_MAP_IPS;
    made.min = parse4(to)!;
    made.max = parse4(last!)!;
  }
  if (ports !== undefined) {
    made.flags |= RANGE_PROTO_SPECIFIED;
    [made.minProto, made.maxProto] = ports;
  }
  if (base !== undefined) {
    made.flags |= RANGE_PROTO_OFFSET;
    made.baseProto = base;
  }
  return made;
}

const udp = (src: string, dst: string, srcPort: number, dstPort: number): Layer[] => [
  { ipv4: { src, dst } },
  { udp: { srcPort, dstPort } },
];

interface Ends {
  readonly src: string;
  readonly dst: string;
  readonly srcPort: number;
  readonly dstPort: number;
}

function ends(bytes: Uint8Array | null): Ends | null {
  if (bytes === null) return null;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = ip.headerLength(v, 0);
  return {
    src: format4(ip.src(v, 0)),
    dst: format4(ip.dst(v, 0)),
    srcPort: v.getUint16(at),
    dstPort: v.getUint16(at + 2),
  };
}

/** A router that sends the VIP to B. */
function dnat(options: RangeText = { to: B }): Stand {
  const stand = new Stand();
  stand.nat(PREROUTING, MANIP_DST, (pkt) => (ip.dst(pkt.view, pkt.l3) === parse4(VIP) ? range(options) : null));
  return stand;
}

function snat(options: RangeText): Stand {
  const stand = new Stand();
  stand.nat(POSTROUTING, MANIP_SRC, () => range(options));
  return stand;
}

describe('DNAT', () => {
  test('sends there, and the answer comes from where the client asked', () => {
    const stand = dnat({ to: B, ports: [5353, 5353] });
    expect(ends(stand.send(udp(A, VIP, 4000, 53)).bytes)).toEqual({ src: A, dst: B, srcPort: 4000, dstPort: 5353 });
    expect(ends(stand.send(udp(B, A, 5353, 4000)).bytes)).toEqual({ src: VIP, dst: A, srcPort: 53, dstPort: 4000 });
  });

  test('keeps a port that is in the range, and counts from its low end otherwise', () => {
    const stand = dnat({ to: B, ports: [5000, 5002] });
    const port = (dstPort: number): number | undefined => ends(stand.send(udp(A, VIP, 4000, dstPort)).bytes)?.dstPort;
    expect([5001, 80, 81].map(port)).toEqual([5001, 5000, 5002]);
  });

  test('shifts ports from a base', () => {
    const stand = dnat({ to: B, ports: [6000, 6010], base: 7000 });
    expect(ends(stand.send(udp(A, VIP, 4000, 7003)).bytes)?.dstPort).toBe(6003);
  });

  test('the quote of an ICMP error is translated back, and the error comes from the VIP', () => {
    const stand = dnat({ to: B, ports: [5353, 5353] });
    const sent = stand.send(udp(A, VIP, 4000, 53)).bytes!;
    const error = compose([{ ipv4: { src: B, dst: A } }, { icmp: { type: 3, code: 3 } }], sent);
    const out = stand.sendBytes(error).bytes!;
    const quote = out.slice(28);
    expect(ends(out)?.src).toBe(VIP);
    expect(ends(quote)).toEqual({ src: A, dst: VIP, srcPort: 4000, dstPort: 53 });
    expect(quote).toEqual(compose(udp(A, VIP, 4000, 53)));
    expectRightChecksums(out);
  });
});

describe('SNAT', () => {
  test('keeps the source port while it is free, and its class after that', () => {
    const stand = snat({ to: '10.0.2.100' });
    const port = (host: number, srcPort: number): number =>
      ends(stand.send(udp(`10.0.1.${host}`, B, srcPort, 53)).bytes)!.srcPort;
    expect(port(2, 4000)).toBe(4000);
    expect(port(3, 4000)).not.toBe(4000);
    expect(port(4, 4000)).toBeGreaterThanOrEqual(1024);
    expect(port(2, 300)).toBe(300);
    expect(port(3, 300)).toBeLessThan(512);
    expect(port(2, 520)).toBe(520);
    expect(port(3, 520)).toBeGreaterThanOrEqual(600);
    expect(port(4, 520)).toBeLessThan(1024);
  });

  test('never gives two flows the same reply tuple, as long as there are ports', () => {
    const flows = fc.array(fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 4000, max: 4003 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(flows, fc.constantFrom(0, RANGE_PROTO_RANDOM_FULLY), (list, flags) => {
        const stand = snat({ to: '10.0.2.100', ports: [7000, 7031], flags });
        const seen = new Map<string, string>();
        for (const [host, srcPort] of list) {
          const out = ends(stand.send(udp(`10.0.1.${host}`, B, srcPort, 53)).bytes);
          const flow = `${host}:${srcPort}`;
          expect(out!.srcPort).toBeGreaterThanOrEqual(7000);
          expect(out!.srcPort).toBeLessThanOrEqual(7031);
          expect(seen.get(String(out!.srcPort)) ?? flow).toBe(flow);
          seen.set(String(out!.srcPort), flow);
        }
      }),
    );
  });

  test('drops the packet when its one port is taken', () => {
    const stand = snat({ to: '10.0.2.100', ports: [5000, 5000] });
    expect(ends(stand.send(udp(A, B, 4000, 53)).bytes)?.srcPort).toBe(5000);
    expect(stand.send(udp('10.0.1.3', B, 4000, 53)).bytes).toBeNull();
    expect(ends(stand.send(udp('10.0.1.3', B, 4000, 54)).bytes)?.srcPort).toBe(5000);
    expect(stand.conntrack.count).toBe(2);
  });

  test('a SYN gets the tuple of a connection past its end', () => {
    const stand = snat({ to: '10.0.2.100', ports: [5000, 5001] });
    const tcp = (dir: 0 | 1, host: number, port: number, flags: string, seq: number, ack = 0): Ends | null =>
      ends(
        stand.send(
          dir === 0
            ? [{ ipv4: { src: `10.0.1.${host}`, dst: B } }, { tcp: { srcPort: 4000, dstPort: 80, flags, seq, ack } }]
            : [{ ipv4: { src: B, dst: '10.0.2.100' } }, { tcp: { srcPort: 80, dstPort: port, flags, seq, ack } }],
        ).bytes,
      );
    const port = tcp(0, 2, 0, 'S', 100)!.srcPort;
    tcp(1, 2, port, 'S.', 500, 101);
    tcp(0, 2, port, '.', 101, 501);
    tcp(0, 2, port, 'R', 101);
    const other = tcp(0, 3, 0, 'S', 100)!.srcPort;
    const third = tcp(0, 4, 0, 'S', 9000)!.srcPort;
    expect(new Set([port, other]).size).toBe(other === port ? 1 : 2);
    expect([5000, 5001]).toContain(third);
    expect(conntrackList(stand.conntrack).filter((line) => line.includes('CLOSE'))).toEqual([]);
  });

  test('a source keeps its mapped address for other destinations', () => {
    const stand = snat({ to: '10.0.2.100', last: '10.0.2.163' });
    const first = ends(stand.send(udp(A, B, 4000, 53)).bytes)!.src;
    for (let i = 1; i < 20; i++) expect(ends(stand.send(udp(A, `10.0.2.${i}`, 4000, 53)).bytes)!.src).toBe(first);
  });
});

describe('IPv6', () => {
  test('a network is mapped to another, and back, with right checksums', () => {
    const stand = new Stand();
    const to = new NatRange();
    [to.min, to.max] = [0, -1];
    to.minHigh.set([0x20010db8, 1, 0]);
    to.maxHigh.set([0x20010db8, 1, -1]);
    const run = (pkt: Packet): Verdict => netmap(stand.conntrack, pkt, to, PREROUTING);
    stand.conntrack.nat.register(PREROUTING, { priority: 0, run }, 'ipv6');
    const udp6 = (src: string, dst: string, srcPort: number, dstPort: number): Layer[] => [
      { ipv6: { src, dst } },
      { udp: { srcPort, dstPort } },
    ];
    const out = stand.send(udp6('fd00::2', 'fd00:9::5:7', 4000, 53)).bytes!;
    expect(out).toEqual(compose(udp6('fd00::2', '2001:db8:0:1::5:7', 4000, 53)));
    const back = stand.send(udp6('2001:db8:0:1::5:7', 'fd00::2', 53, 4000)).bytes!;
    expect(back).toEqual(compose(udp6('fd00:9::5:7', 'fd00::2', 53, 4000)));
  });
});

describe('without a rule', () => {
  test('a flow whose answers would be another one’s gets another port', () => {
    const stand = dnat();
    stand.send(udp(A, VIP, 4000, 53));
    expect(ends(stand.send(udp(A, B, 4000, 53)).bytes)?.srcPort).not.toBe(4000);
  });
});

describe('an address from a range', () => {
  test('is the one that jhash2 of source and destination gives', () => {
    const tuple = new Tuple();
    const choose = (flags: number, dst: string): number => {
      tuple.family = IPV4;
      tuple.src = parse4(A)!;
      tuple.dst = parse4(dst)!;
      range({ to: '10.0.2.100', last: '10.0.2.107', flags }).chooseAddress(tuple, MANIP_SRC, 0);
      return tuple.src;
    };
    expect(format4(choose(0, '10.0.3.7'))).toBe('10.0.2.105');
    expect(format4(choose(RANGE_PERSISTENT, '10.0.3.8'))).toBe('10.0.2.107');
    const persistent = new Set(Array.from({ length: 50 }, (_, i) => choose(RANGE_PERSISTENT, `10.0.3.${i}`)));
    const spread = new Set(Array.from({ length: 200 }, (_, i) => choose(0, `10.0.3.${i}`)));
    expect(persistent.size).toBe(1);
    expect(spread.size).toBe(8);
  });
});

/** Every checksum of an IP packet is what a full computation gives. */
function expectRightChecksums(bytes: Uint8Array): void {
  const v = new DataView(bytes.slice().buffer);
  const at = ip.headerLength(v, 0);
  const { length } = bytes;
  expect(sum.fold(sum.add(v, 0, at))).toBe(0xffff);
  const protocol = ip.protocol(v, 0);
  if (protocol === ip.SCTP) expect(sctp.checksum(v, at)).toBe(sctp.expectedChecksum(v, at, length));
  else if (protocol === ip.ICMP) expect(sum.fold(sum.add(v, at, length))).toBe(0xffff);
  else expect(sum.fold(sum.add(v, at, length, ip.pseudo(v, 0, length - at)))).toBe(0xffff);
}

describe('checksums', () => {
  const layers = fc.oneof(
    fc.record({ srcPort: fc.nat(0xffff), dstPort: fc.nat(0xffff) }).map((udp): Layer => ({ udp })),
    fc
      .record({ srcPort: fc.nat(0xffff), dstPort: fc.nat(0xffff), seq: fc.nat() })
      .map((tcp): Layer => ({ tcp: { ...tcp, flags: 'S' } })),
    fc.record({ id: fc.nat(0xffff), sequence: fc.nat(0xffff) }).map((icmp): Layer => ({ icmp: { type: 8, ...icmp } })),
  );
  const address = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

  test('of a translated packet are those of a full computation', () => {
    fc.assert(
      fc.property(layers, fc.uint8Array({ maxLength: 40 }), address, address, (layer, payload, to, from) => {
        const stand = new Stand();
        stand.nat(PREROUTING, MANIP_DST, () => range({ to: format4(to) }));
        stand.nat(POSTROUTING, MANIP_SRC, () => range({ to: format4(from) }));
        const out = stand.send([{ ipv4: { src: A, dst: VIP } }, layer], payload).bytes;
        expectRightChecksums(out!);
      }),
    );
  });

  test('that were wrong stay as wrong, and UDP without one stays without', () => {
    const stand = dnat();
    stand.ns.sysctl.set('net.netfilter.nf_conntrack_checksum', 0);
    const out = (checksum: number): number => {
      const layers: Layer[] = [{ ipv4: { src: A, dst: VIP } }, { udp: { srcPort: 1, dstPort: 2, checksum } }];
      const bytes = stand.send(layers).bytes!;
      return new DataView(bytes.buffer, bytes.byteOffset).getUint16(26);
    };
    expect(out(0)).toBe(0);
    const good = compose(udp(A, VIP, 1, 2));
    const right = new DataView(good.buffer).getUint16(26);
    const translated = out(right);
    expect((out((right + 1) & 0xffff) - translated) & 0xffff).toBe(1);
  });

  test('of SCTP are computed anew', () => {
    const stand = dnat();
    const chunk = Uint8Array.of(1, 0, 0, 20, 0, 0, 0, 9, 0, 0, 5, 0, 0, 1, 0, 1, 0, 0, 0, 1);
    const out = stand.send([{ ipv4: { src: A, dst: VIP } }, { sctp: { srcPort: 1, dstPort: 2, tag: 0 } }], chunk).bytes;
    expect(ends(out)?.dst).toBe(B);
    expectRightChecksums(out!);
  });
});
