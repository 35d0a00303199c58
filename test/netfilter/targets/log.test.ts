import { describe, expect, test } from 'vitest';
import type { Layer } from '../../../src/packet/layer.ts';
import { FLAG_SOCKET } from '../../../src/packet/packet.ts';
import { ip, RuleBench, udp } from '../rule-bench.ts';

const MAC = 'MAC=02:00:00:00:01:01:02:00:00:00:01:02';
const HEAD = `IN=eth0 OUT=eth1 ${MAC}:08:00 SRC=10.0.1.2 DST=10.0.2.2`;
const IP = 'TOS=0x00 PREC=0x00 TTL=64 ID=1';

function line(options: string, layers: readonly Layer[], payload: Uint8Array | string = '', cut = 0): string {
  const bench = new RuleBench(`-A FORWARD -j LOG ${options}`);
  bench.run(bench.packet(layers, payload, cut));
  return bench.lines.join('\n');
}

const packet = (fields: object, ...layers: Layer[]): Layer[] => [ip({ id: 1, ...fields }), ...layers];

describe('LOG of IPv4', () => {
  test('UDP with a prefix', () => {
    expect(line('--log-prefix "drop: "', packet({}, udp()), 'hello')).toBe(
      `drop: ${HEAD} LEN=33 ${IP} PROTO=UDP SPT=4000 DPT=53 LEN=13`,
    );
  });

  test('TCP with everything', () => {
    const options = '--log-tcp-sequence --log-tcp-options --log-ip-options --log-macdecode';
    const tcp = { srcPort: 1, dstPort: 2, seq: 5, ack: 6, flags: 0xd3, window: 9, urgent: 7, reserved: 15 };
    const layers = packet(
      { tos: 0xfe, fragment: 0xc000, options: Uint8Array.of(0x94, 4, 0, 0) },
      { tcp: { ...tcp, options: Uint8Array.of(2, 4, 5, 0xb4) } },
    );
    expect(line(options, layers)).toBe(
      'IN=eth0 OUT=eth1 MACSRC=02:00:00:00:01:02 MACDST=02:00:00:00:01:01 MACPROTO=0800 SRC=10.0.1.2 DST=10.0.2.2 ' +
        'LEN=48 TOS=0x1E PREC=0xE0 TTL=64 ID=1 CE DF OPT (94040000) PROTO=TCP SPT=1 DPT=2 SEQ=5 ACK=6 WINDOW=9 ' +
        'RES=0x38 AE CWR ECE ACK SYN FIN URGP=7 OPT (020405B4)',
    );
  });

  test('an ICMP error with what it quotes', () => {
    const quoted: Layer[] = [{ ipv4: { src: '10.0.2.2', dst: '10.0.1.2', id: 2, ttl: 9 } }, udp(1, 2)];
    expect(line('', packet({}, { icmp: { type: 3, code: 4, info: 1400 } }, ...quoted))).toBe(
      `${HEAD} LEN=56 ${IP} PROTO=ICMP TYPE=3 CODE=4 [SRC=10.0.2.2 DST=10.0.1.2 LEN=28 TOS=0x00 PREC=0x00 TTL=9 ID=2 ` +
        'PROTO=UDP SPT=1 DPT=2 LEN=8 ] MTU=1400',
    );
  });

  test.each([
    [packet({ fragment: 0x2006 }, udp()), 0, `LEN=28 ${IP} MF FRAG:6 PROTO=UDP`],
    [packet({}, udp()), 4, `LEN=28 ${IP} PROTO=UDP INCOMPLETE [4 bytes]`],
    [packet({}, { tcp: { srcPort: 1, dstPort: 2 } }), 12, `LEN=40 ${IP} PROTO=TCP INCOMPLETE [8 bytes]`],
    [packet({}, { icmp: { type: 8, id: 3, sequence: 4 } }), 0, `LEN=28 ${IP} PROTO=ICMP TYPE=8 CODE=0 ID=3 SEQ=4`],
    [
      packet({}, { icmp: { type: 5, code: 1, info: 0x0a000109 } }),
      0,
      `LEN=28 ${IP} PROTO=ICMP TYPE=5 CODE=1 INCOMPLETE [8 bytes]`,
    ],
    [packet({}, { esp: { spi: 0x1f } }), 0, `LEN=28 ${IP} PROTO=ESP SPI=0x1f`],
    [packet({ protocol: 47 }), 0, `LEN=20 ${IP} PROTO=47`],
  ])('case %#', (layers, cut, expected) => {
    expect(line('', layers, '', cut)).toBe(`${HEAD} ${expected}`);
  });

  test('mark, owner and the ports of a bridge', () => {
    const bench = new RuleBench('-A OUTPUT -j LOG --log-uid');
    const pkt = bench.packet(packet({}, udp()));
    pkt.mark = -1;
    pkt.flags |= FLAG_SOCKET;
    pkt.physIn = bench.device('eth0');
    bench.run(pkt);
    expect(bench.lines).toEqual([
      `IN= OUT=eth1 PHYSIN=eth0 SRC=10.0.1.2 DST=10.0.2.2 LEN=28 ${IP} PROTO=UDP SPT=4000 DPT=53 LEN=8 UID=0 GID=0 MARK=0xffffffff`,
    ]);
  });
});

describe('LOG of IPv6', () => {
  const log6 = (options: string, layers: readonly Layer[], payload = ''): string => {
    const bench = new RuleBench(`-A FORWARD -j LOG ${options}`, { family: 'ipv6' });
    bench.run(bench.packet([{ ipv6: { src: 'fd00::1', dst: 'fd00::2', hopLimit: 9 } }, ...layers], payload));
    return bench.lines[0]!;
  };
  const addresses = 'SRC=fd00:0000:0000:0000:0000:0000:0000:0001 DST=fd00:0000:0000:0000:0000:0000:0000:0002';
  const head = `IN=eth0 OUT=eth1 ${MAC}:86:dd ${addresses}`;

  test('UDP', () => {
    expect(log6('', [udp()], 'x')).toBe(`${head} LEN=49 TC=0 HOPLIMIT=9 FLOWLBL=0 PROTO=UDP SPT=4000 DPT=53 LEN=9`);
  });

  test('a fragment, with its header spelled out', () => {
    const fragment: Layer = { fragment: { id: 255, offset: 0, more: true } };
    expect(log6('--log-ip-options', [fragment, udp()])).toBe(
      `${head} LEN=56 TC=0 HOPLIMIT=9 FLOWLBL=0 OPT ( FRAG:0 INCOMPLETE ID:000000ff ) PROTO=UDP SPT=4000 DPT=53 LEN=8`,
    );
  });

  test('an echo request', () => {
    expect(log6('', [{ icmpv6: { type: 128, id: 1, sequence: 2 } }])).toBe(
      `${head} LEN=48 TC=0 HOPLIMIT=9 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=1 SEQ=2`,
    );
  });
});
