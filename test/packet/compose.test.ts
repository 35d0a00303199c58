import { describe, expect, it } from 'vitest';
import * as sum from '../../src/packet/checksum.ts';
import { compose } from '../../src/packet/compose.ts';
import { dissect } from '../../src/packet/dissect.ts';
import { PacketError } from '../../src/packet/error.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import * as ipv6 from '../../src/packet/ipv6.ts';
import { type Layer, nameOf } from '../../src/packet/layer.ts';
import * as sctp from '../../src/packet/sctp.ts';
import { bytesOf, hexOf, viewOf } from './bytes.ts';
import { printed } from './tcpdump.ts';

const ETHERNET: Layer = { ethernet: { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' } };
const IPV4: Layer = { ipv4: { src: '10.0.0.1', dst: '10.0.0.2', id: 1 } };
const IPV6: Layer = { ipv6: { src: 'fd00::1', dst: 'fd00::2' } };
const E = '020000000002020000000001';

describe('compose gives the bytes that scapy gave', () => {
  it.each<[string, Layer[], string, string]>([
    [
      'UDP',
      [ETHERNET, IPV4, { udp: { srcPort: 4000, dstPort: 5000 } }],
      'hello',
      `${E}080045000021000100004011 66c90a0000010a0000020fa01388000d84d768656c6c6f`,
    ],
    [
      'TCP with options',
      [
        ETHERNET,
        IPV4,
        {
          tcp: {
            srcPort: 40000,
            dstPort: 8080,
            flags: 'S',
            seq: 1000,
            window: 64240,
            options: [
              { kind: 'mss', mss: 1460 },
              { kind: 'sackOK' },
              { kind: 'timestamp', value: 100, echo: 0 },
              { kind: 'nop' },
              { kind: 'wscale', shift: 7 },
            ],
          },
        },
      ],
      '',
      printedHex(0),
    ],
    [
      'ICMP echo',
      [ETHERNET, IPV4, { icmp: { type: 8, id: 1, sequence: 1 } }],
      '',
      `${E}08004500001c00010000400166de0a0000010a0000020800f7fd00010001`,
    ],
    [
      'an IGMP report: a protocol that has no layer',
      [ETHERNET, { ipv4: { src: '10.0.0.1', dst: '10.0.0.2', id: 1, protocol: 2 } }],
      '\x16\0\0\0\xe0\0\0\x01',
      `${E}08004500001c00010000400266dd0a0000010a00000216000000e0000001`,
    ],
  ])('%s', (_name, layers, payload, hex) => {
    expect(hexOf(compose(layers, payload))).toBe(hex.replaceAll(' ', ''));
  });
});

function printedHex(i: number): string {
  return hexOf(printed[i]!.frame);
}

describe('compose', () => {
  it('fills in lengths, protocols and checksums outside in', () => {
    const frame = compose(
      [
        ETHERNET,
        { vlan: { id: 100 } },
        IPV4,
        { udp: { srcPort: 50000, dstPort: 4789 } },
        { vxlan: { vni: 42 } },
        ETHERNET,
        IPV6,
        { hopByHop: { body: bytesOf('050200000100') } },
        { tcp: { srcPort: 1, dstPort: 2, flags: 'SA' } },
      ],
      'payload',
    );
    const v = viewOf(frame);
    expect(v.getUint16(12)).toBe(0x8100);
    expect(v.getUint16(16)).toBe(0x0800);
    expect(ipv4.check(v, 18, frame.length)).toBe(0);
    expect(sum.finish(sum.add(v, 38, frame.length, ipv4.pseudo(v, 18, frame.length - 38)))).toBe(0);
    const inner = 38 + 8 + 8 + 14;
    expect(ipv6.check(v, inner, frame.length)).toBe(0);
    expect([ipv6.nextHeader(v, inner), v.getUint8(inner + 40)]).toEqual([0, 6]);
    const segment = frame.length - inner - 48;
    expect(sum.finish(sum.add(v, inner + 48, frame.length, ipv6.pseudo(v, inner, 6, segment)))).toBe(0);
  });
  it('sums UDP behind an authentication header', () => {
    const layers: Layer[] = [
      ETHERNET,
      IPV4,
      { ah: { spi: 1, seq: 2, icv: new Uint8Array(12) } },
      { udp: { srcPort: 7 } },
    ];
    const v = viewOf(compose(layers, 'x'));
    expect([ipv4.protocol(v, 14), v.getUint8(34)]).toEqual([51, 17]);
    expect(sum.finish(sum.add(v, 58, 67, ipv4.pseudo(v, 14, 9, 17)))).toBe(0);
  });
  it('keeps what is given, however wrong', () => {
    const wrong = { totalLength: 7, checksum: 0xdead, protocol: 200 };
    const v = viewOf(compose([ETHERNET, { ipv4: wrong }, { udp: { length: 3, checksum: 1 } }], 'xyz'));
    expect([ipv4.totalLength(v, 14), ipv4.checksum(v, 14), ipv4.protocol(v, 14)]).toEqual([7, 0xdead, 200]);
    expect([v.getUint16(38), v.getUint16(40)]).toEqual([3, 1]);
  });
  it('quotes a packet in an ICMP error', () => {
    const quoted: Layer[] = [
      { ipv4: { src: '10.0.0.2', dst: '10.0.0.9', ttl: 1 } },
      { udp: { srcPort: 1, dstPort: 2 } },
    ];
    const frame = compose([ETHERNET, IPV4, { icmp: { type: 11 } }, ...quoted], 'abc');
    const v = viewOf(frame);
    expect(sum.checksum(v, 34, frame.length)).toBe(0);
    expect(ipv4.check(v, 42, frame.length)).toBe(0);
    expect(dissect(frame).layers.map(nameOf)).toEqual(['ethernet', 'ipv4', 'icmp', 'ipv4', 'udp']);
  });
  it('writes a trailer outside of every length', () => {
    const frame = compose([ETHERNET, IPV4, { udp: {} }], 'x', new Uint8Array(17));
    expect([frame.length, ipv4.totalLength(viewOf(frame), 14)]).toEqual([60, 29]);
    expect(dissect(frame)).toMatchObject({ payload: Uint8Array.of(0x78), trailer: new Uint8Array(17) });
  });
  it('sums SCTP, GRE and DCCP', () => {
    const s = compose([ETHERNET, IPV4, { sctp: { srcPort: 1, dstPort: 2, tag: 3 } }], '\x0b\0\0\x04');
    expect(sctp.checksum(viewOf(s), 34)).toBe(sctp.expectedChecksum(viewOf(s), 34, s.length));
    const g = compose([ETHERNET, IPV4, { gre: { flags: 0x8000, key: 5 } }, IPV4, { icmp: { type: 8 } }]);
    expect([viewOf(g).getUint16(34), sum.checksum(viewOf(g), 34, g.length)]).toEqual([0xa000, 0]);
    const d = compose([ETHERNET, IPV4, { dccp: { srcPort: 1, dstPort: 2, type: 3 } }], 'odd');
    expect(sum.finish(sum.add(viewOf(d), 34, d.length, ipv4.pseudo(viewOf(d), 14, d.length - 34)))).toBe(0);
  });
  it('writes neighbour discovery', () => {
    const options = bytesOf('0101020000000001');
    const frame = compose([ETHERNET, IPV6, { nd: { type: 135, target: 'fd00::2', options } }]);
    const v = viewOf(frame);
    expect(ipv6.nextHeader(v, 14)).toBe(58);
    expect(sum.finish(sum.add(v, 54, frame.length, ipv6.pseudo(v, 14, 58, 32)))).toBe(0);
  });
  it('refuses what cannot be written', () => {
    const udp: Layer = { udp: {} };
    expect(() => compose([{ ethernet: { src: 'nobody' } }])).toThrow(PacketError);
    expect(() => compose([{ ipv4: { src: '10.0.0' } }, udp])).toThrow('not an address: 10.0.0');
    expect(() => compose([{ ipv4: { options: new Uint8Array(3) } }])).toThrow(PacketError);
    expect(() => compose([{ tcp: { flags: 'X' } }])).toThrow('no flag X');
    expect(() => compose([{ hopByHop: { body: new Uint8Array(5) } }])).toThrow(PacketError);
    expect(() => compose([{ upd: {} } as never])).toThrow('no layer upd');
    expect(() => compose([], '€')).toThrow('not a byte');
  });
});

describe('dissect', () => {
  it('is undone by compose on every captured frame', () => {
    for (const { frame } of printed) {
      const { layers, payload, trailer } = dissect(frame);
      expect(hexOf(compose(layers, payload, trailer))).toBe(hexOf(frame));
    }
  });
  it('goes as deep as it understands', () => {
    const names = (i: number): string => dissect(printed[i]!.frame).layers.map(nameOf).join(' ');
    const vxlan = printed.findIndex(({ line }) => line.includes('vni 42: IP '));
    expect(names(0)).toBe('ethernet ipv4 tcp');
    expect(names(vxlan)).toBe('ethernet ipv4 udp vxlan ethernet ipv4 tcp');
    const fragment = printed.findIndex(({ line }) => line.endsWith('ip-proto-17'));
    expect(names(fragment)).toBe('ethernet ipv4');
  });
  it('reads a TCP segment as one would write it', () => {
    const [, , segment] = dissect(printed[0]!.frame).layers;
    expect(segment).toMatchObject({
      tcp: { srcPort: 40000, flags: 2, options: [{ kind: 'mss', mss: 1460 }, {}, {}, {}, {}] },
    });
  });
  it('may begin at another layer', () => {
    const { layers } = dissect(compose([IPV4, { udp: { srcPort: 7 } }]), 'ipv4');
    expect(layers.map(nameOf)).toEqual(['ipv4', 'udp']);
  });
});
