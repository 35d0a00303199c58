import { expect, it, describe as suite } from 'vitest';
import { compose } from '../../src/packet/compose.ts';
import { describe } from '../../src/packet/describe.ts';
import type { Layer } from '../../src/packet/layer.ts';
import { bytesOf, viewOf } from './bytes.ts';
import { printed } from './tcpdump.ts';

const line = (frame: Uint8Array, link = false): string => describe(viewOf(frame), 0, frame.length, { link });

suite('describe', () => {
  it('prints what tcpdump printed', () => {
    expect(printed.length).toBeGreaterThan(200);
    expect(printed.map(({ frame }) => line(frame))).toEqual(printed.map((p) => p.line));
  });
  it('prints what tcpdump -e printed', () => {
    expect(printed.map(({ frame }) => line(frame, true))).toEqual(printed.map((p) => p.linkLine));
  });

  /** Where it differs on purpose: what tcpdump prints is in the comment. */
  it.each([
    [
      // 0+ A? a.b. (21)
      '02000000000202000000000108004500003100010000401166b90a0000010a0000020fa00035001dd618000001000001000000000000016101620000010001',
      'IP 10.0.0.1.4000 > 10.0.0.2.53: UDP, length 21',
    ],
    [
      // ..., length 5: HTTP
      '02000000000202000000000108004500002d00010000400666c80a0000010a0000029c401f9000000001000003e9501820007838000068656c6c6f',
      'IP 10.0.0.1.40000 > 10.0.0.2.8080: Flags [P.], seq 1:6, ack 1001, win 8192, length 5',
    ],
    [
      // OTV, flags [I] (0x08), overlay 0, instance 42, and a second line
      '02000000000202000000000108004500004e000100004011669c0a0000010a000002c3502118003ac90b0800000000002a0002000000000202000000000108004500001c00010000400166de0a0000010a0000020800f7fd00010001',
      'IP 10.0.0.1.50000 > 10.0.0.2.8472: VXLAN, flags [I] (0x08), vni 42: IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 1, length 8',
    ],
    [
      // igmp v2 report 224.0.0.1
      '02000000000202000000000108004500001c00010000400266dd0a0000010a00000216000000e0000001',
      'IP 10.0.0.1 > 10.0.0.2:  ip-proto-2 8',
    ],
    [
      // DCCP DCCP-Request (service=0)
      '02000000000202000000000108004500002800010000402166b20a0000010a0000020fa0138805000000010000000000000100000000',
      'IP 10.0.0.1.4000 > 10.0.0.2.5000: DCCP DCCP-Request',
    ],
    [
      // GREv1, call 9, seq 3, length 16: unknown PPP protocol (0x0061)
      '02000000000202000000000108004500002400010000402f66a80a0000010a0000023001880b000400090000000361626364',
      'IP 10.0.0.1 > 10.0.0.2: GREv1, call 9, seq 3, length 16',
    ],
    [
      // LLDP, length 8 [|lldp]
      '02000000000202000000000188cc6162636465666768',
      '02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype LLDP (0x88cc), length 22',
    ],
    [
      // STP 802.1d, Config, Flags [none], bridge-id 0000.00:00:00:00:00:00.0000, length 35
      '0180c200000002000000000100264242030000000000000000000000000000000000000000000000000000000100140002000f00',
      '02:00:00:00:00:01 > 01:80:c2:00:00:00, 802.3, length 52',
    ],
  ])('prints %s its own way', (frame, expected) => expect(line(bytesOf(frame))).toBe(expected));

  it('reads a frame in the middle of an arena, and nothing beyond its end', () => {
    for (const { frame, line: expected } of printed) {
      const arena = new Uint8Array(frame.length + 200).fill(0xee);
      arena.set(frame, 100);
      expect(describe(viewOf(arena), 100, 100 + frame.length)).toBe(expected);
    }
  });

  it('stops at packets nested too deep', () => {
    const layers: Layer[] = [{ ethernet: {} }, ...Array.from({ length: 3000 }, () => ({ ipv4: {} }))];
    expect(line(compose(layers))).toMatch(/: \[nested too deep\]$/);
    const tags: Layer[] = [
      { ethernet: {} },
      ...Array.from({ length: 10_000 }, () => ({ vlan: { id: 1 } })),
      { arp: {} },
    ];
    expect(line(compose(tags))).toBe('ARP, Request who-has 0.0.0.0 tell 0.0.0.0, length 28');
  });
});
