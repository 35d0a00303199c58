import { describe, expect, test } from 'vitest';
import * as sum from '../../../src/packet/checksum.ts';
import * as ipv4 from '../../../src/packet/ipv4.ts';
import type { Layer } from '../../../src/packet/layer.ts';
import { FLAG_TRACE, type Packet } from '../../../src/packet/packet.ts';
import { ip, RuleBench, udp } from '../rule-bench.ts';

const NF_DROP = 0;
const NF_ACCEPT = 1;
const NF_STOLEN = 2;

/** The packet after the rule. */
function rewritten(
  rule: string,
  layers: readonly Layer[],
  payload: Uint8Array | string = '',
  table = 'mangle',
): Packet {
  const bench = new RuleBench(rule, { table });
  const pkt = bench.packet(layers, payload);
  expect(bench.run(pkt)).toBe(NF_ACCEPT);
  return pkt;
}

const verdict = (rule: string, layers: readonly Layer[], table = 'mangle', cut = 0): number => {
  const bench = new RuleBench(rule, { table });
  return bench.run(bench.packet(layers, '', cut));
};

const headerIsRight = ({ view, l3, l4 }: Packet): boolean => sum.fold(sum.add(view, l3, l4)) === 0xffff;
const segmentIsRight = ({ view, l3, l4, end }: Packet): boolean =>
  sum.fold(sum.add(view, l4, end, ipv4.pseudo(view, l3, end - l4))) === 0xffff;

const syn = (...options: number[]): Layer[] => [
  ip(),
  { tcp: { srcPort: 1000, dstPort: 80, flags: 'S', options: Uint8Array.from(options) } },
];
const optionsOf = ({ bytes, l4, end }: Packet): number[] => [...bytes.subarray(l4 + 20, end)];

describe('TTL, TOS, DSCP, ECN', () => {
  test.each([
    ['TTL --ttl-set 9', 9],
    ['TTL --ttl-inc 200', 255],
    ['TTL --ttl-dec 4', 60],
    ['TTL --ttl-dec 100', 0],
  ])('%s', (target, ttl) => {
    const pkt = rewritten(`-A PREROUTING -j ${target}`, [ip({ ttl: 64 }), udp()]);
    expect(ipv4.ttl(pkt.view, pkt.l3)).toBe(ttl);
    expect(headerIsRight(pkt)).toBe(true);
  });

  test.each([
    ['DSCP --set-dscp-class EF', 0x03, 0xbb],
    ['TOS --set-tos 0x10', 0xff, 0x10],
    ['TOS --set-tos 0x10/0x3f', 0xff, 0xd0],
    ['TOS --or-tos 0x04', 0x10, 0x14],
    ['TOS --and-tos 0xf0', 0xff, 0xf0],
    ['TOS --xor-tos 0xff', 0x0f, 0xf0],
    ['ECN --ecn-ip-ect 2', 0xb9, 0xba],
  ])('%s of %i gives %i', (target, tos, expected) => {
    const pkt = rewritten(`-A PREROUTING -j ${target}`, [ip({ tos }), udp()]);
    expect(ipv4.tos(pkt.view, pkt.l3)).toBe(expected);
    expect(headerIsRight(pkt)).toBe(true);
  });

  test('every TOS byte leaves a right header checksum', () => {
    for (let tos = 0; tos < 256; tos++) {
      const pkt = rewritten(`-A PREROUTING -j TOS --set-tos ${tos}`, [ip({ tos: 255 - tos, id: tos * 251 }), udp()]);
      expect(headerIsRight(pkt)).toBe(true);
    }
  });

  test('ECN takes the flags out of TCP, and drops a header that is cut short', () => {
    const rule = '-A PREROUTING -p tcp -j ECN --ecn-tcp-remove';
    const pkt = rewritten(rule, [ip(), { tcp: { srcPort: 1, dstPort: 2, flags: 0xc2 } }]);
    expect(pkt.view.getUint8(pkt.l4 + 13)).toBe(2);
    expect(segmentIsRight(pkt)).toBe(true);
    expect(verdict(rule, syn(), 'mangle', 8)).toBe(NF_DROP);
  });
});

describe('TCPMSS', () => {
  const rule = (action: string): string => `-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS ${action}`;

  test('lowers the value, and never raises it', () => {
    const lowered = rewritten(rule('--set-mss 1000'), syn(2, 4, 0x05, 0xb4));
    expect(optionsOf(lowered)).toEqual([2, 4, 0x03, 0xe8]);
    expect(segmentIsRight(lowered)).toBe(true);
    expect(optionsOf(rewritten(rule('--set-mss 1500'), syn(2, 4, 0x05, 0xb4)))).toEqual([2, 4, 0x05, 0xb4]);
  });

  test('breaks the checksum of a value at an odd offset, as Linux does', () => {
    const pkt = rewritten(rule('--set-mss 1000'), syn(1, 2, 4, 0x05, 0xb4, 0, 0, 0));
    expect(optionsOf(pkt)).toEqual([1, 2, 4, 0x03, 0xe8, 0, 0, 0]);
    expect(segmentIsRight(pkt)).toBe(false);
  });

  test('puts the option in front when there is none', () => {
    const pkt = rewritten(rule('--set-mss 1000'), syn(1, 1, 1, 0));
    expect(optionsOf(pkt)).toEqual([2, 4, 0x02, 0x18, 1, 1, 1, 0]);
    expect(ipv4.totalLength(pkt.view, pkt.l3)).toBe(48);
    expect(pkt.view.getUint8(pkt.l4 + 12) >>> 4).toBe(7);
    expect([headerIsRight(pkt), segmentIsRight(pkt)]).toEqual([true, true]);
    expect(optionsOf(rewritten(rule('--set-mss 200'), syn()))).toEqual([2, 4, 0, 200]);
  });

  test('leaves a SYN with data alone, and one whose header is full', () => {
    expect(rewritten(rule('--set-mss 1000'), syn(), 'data').length).toBe(44);
    expect(optionsOf(rewritten(rule('--set-mss 1000'), syn(...new Array<number>(40).fill(1))))).toHaveLength(40);
  });

  test('drops a header that lies', () => {
    expect(verdict('-A FORWARD -p tcp -j TCPMSS --set-mss 1000', syn(2, 4, 5, 0xb4), 'mangle', 2)).toBe(NF_DROP);
  });
});

describe('TCPOPTSTRIP', () => {
  test('writes NOPs over what it is told, and keeps the checksum right', () => {
    const pkt = rewritten(
      '-A PREROUTING -p tcp -j TCPOPTSTRIP --strip-options mss,timestamp',
      syn(1, 2, 4, 5, 0xb4, 3, 3, 7, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0),
    );
    expect(optionsOf(pkt)).toEqual([1, 1, 1, 1, 1, 3, 3, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    expect(segmentIsRight(pkt)).toBe(true);
  });
});

describe('targets that only mark, copy or queue', () => {
  test('CLASSIFY sets the priority, TRACE the flag', () => {
    expect(rewritten('-A FORWARD -j CLASSIFY --set-class 1:ffff', [ip(), udp()]).priority).toBe(0x1ffff);
    const traced = rewritten('-A PREROUTING -j TRACE', [ip(), udp()], '', 'raw');
    expect(traced.flags & FLAG_TRACE).toBe(FLAG_TRACE);
  });

  test('NFQUEUE drops when nobody listens, or passes by', () => {
    const after = '\n-A FORWARD -j ACCEPT';
    expect(verdict(`-A FORWARD -j NFQUEUE${after}`, [ip(), udp()])).toBe(NF_STOLEN);
    expect(verdict(`-A FORWARD -j NFQUEUE --queue-bypass\n-A FORWARD -j DROP`, [ip(), udp()])).toBe(NF_ACCEPT);
  });

  test('TPROXY drops when there is no proxy', () => {
    expect(verdict('-A PREROUTING -p udp -j TPROXY --on-port 5', [ip(), udp()])).toBe(NF_DROP);
  });

  test.each(['NFLOG', 'AUDIT --type drop', 'CHECKSUM --checksum-fill'])('%s goes on', (target) => {
    expect(verdict(`-A FORWARD -j ${target}\n-A FORWARD -j DROP`, [ip(), udp()])).toBe(NF_DROP);
  });
});

test('SNPT and DNPT translate a prefix so that no checksum changes', () => {
  const bench = new RuleBench('-A POSTROUTING -j SNPT --src-pfx fd00:1::/48 --dst-pfx 2001:db8:7::/48', {
    table: 'mangle',
    family: 'ipv6',
  });
  const pkt = bench.packet([{ ipv6: { src: 'fd00:1::5', dst: '2001:db8::9' } }, udp()], 'x');
  const before = sum.fold(sum.add(pkt.view, pkt.l3 + 8, pkt.l3 + 24));
  bench.run(pkt);
  expect(pkt.view.getUint32(pkt.l3 + 8)).toBe(0x20010db8);
  expect(pkt.view.getUint16(pkt.l3 + 12)).toBe(7);
  expect(sum.fold(sum.add(pkt.view, pkt.l3 + 8, pkt.l3 + 24))).toBe(before);
});
