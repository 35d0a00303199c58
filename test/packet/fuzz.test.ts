/** Hostile bytes: random ones, and captured frames with a few bytes changed, cut or added. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import * as packet from '../../src/packet/index.ts';
import * as tcpOptions from '../../src/packet/tcp-options.ts';
import { hexOf, holds, viewOf } from './bytes.ts';
import { printed } from './tcpdump.ts';

const { PacketError, compose, describe, dissect, ipv4Options, ipv6Ext, vlan, tcp, nd, sctp } = packet;
const fragment = { ...ipv6Ext, check: (v: DataView, at: number, end: number) => ipv6Ext.check(v, at, end, 44) };
const protocols = [
  packet.ethernet,
  packet.vlan,
  packet.arp,
  packet.ipv4,
  packet.ipv6,
  fragment,
  packet.icmp,
  packet.icmpv6,
  packet.nd,
  packet.tcp,
  packet.udp,
  packet.sctp,
  packet.dccp,
  packet.gre,
  packet.esp,
  packet.ah,
  packet.vxlan,
];

type Edit = readonly [kind: 'set' | 'cut' | 'add', at: number, value: number];
const edit = fc.tuple(
  fc.constantFrom('set', 'set', 'set', 'cut', 'add' as const),
  fc.nat(),
  fc.integer({ min: 0, max: 255 }),
);

function mutate(frame: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let bytes = Array.from(frame);
  for (const [kind, at, value] of edits) {
    if (kind === 'set') bytes[at % (bytes.length || 1)] = value;
    else if (kind === 'cut') bytes = bytes.slice(0, at % (bytes.length + 1));
    else bytes.push(value);
  }
  return Uint8Array.from(bytes);
}

const captured = fc.constantFrom(...printed.map(({ frame }) => frame));
const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 120 }),
  fc
    .tuple(captured, fc.array(edit as fc.Arbitrary<Edit>, { maxLength: 4 }))
    .map(([frame, edits]) => mutate(frame, edits)),
);
const RUNS = { numRuns: 20_000 };

it('check never throws, and parse throws a PacketError or nothing', () => {
  holds(
    fc.property(hostile, fc.nat(40), (bytes, skip) => {
      const at = Math.min(skip, bytes.length);
      const v = viewOf(bytes);
      for (const { check, parse } of protocols) {
        const why = check(v, at, bytes.length);
        expect(Number.isInteger(why)).toBe(true);
        try {
          parse(v, at, bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(PacketError);
          expect(why).not.toBe(0);
        }
      }
    }),
    { numRuns: 4000 },
  );
});

it('describe never throws, and prints one line of no more than the bytes allow', () => {
  holds(
    fc.property(hostile, fc.boolean(), (bytes, link) => {
      const line = describe(viewOf(bytes), 0, bytes.length, { link });
      expect(line).toMatch(/^[\x20-\x7e]*$/);
      expect(line.length).toBeLessThan(300 + 40 * bytes.length);
    }),
    RUNS,
  );
});

it('dissect never throws, and compose gives the bytes back', () => {
  holds(
    fc.property(hostile, (bytes) => {
      const { layers, payload, trailer } = dissect(bytes);
      expect(hexOf(compose(layers, payload, trailer))).toBe(hexOf(bytes));
    }),
    RUNS,
  );
});

it('every walk ends, inside the packet', () => {
  const found = new ipv6Ext.Found();
  holds(
    fc.property(hostile, fc.nat(60), (bytes, skip) => {
      const at = Math.min(skip, bytes.length);
      const end = bytes.length;
      const v = viewOf(bytes);
      if (ipv6Ext.find(v, at, end, -1, found)) expect(found.at).toBeGreaterThan(at);
      ipv6Ext.skip(v, at, end, 0, found);
      expect(vlan.payload(v, at, end)).toBeLessThanOrEqual(end);
      if (tcp.check(v, at, end) === 0)
        for (let kind = 0; kind < 256; kind++) expect(tcpOptions.find(v, at, kind)).toBeLessThan(end);
      if (packet.ipv4.check(v, at, end) === 0) expect(options(v, at)).toBeLessThanOrEqual(40);
      if (sctp.check(v, at, end) === 0) expect(chunks(v, at, end)).toBeLessThanOrEqual(end / 4);
      if (nd.check(v, at, end) === 0) expect(nd.findOption(v, at, end, 99)).toBeLessThan(end);
    }),
    RUNS,
  );
});

function options(v: DataView, at: number): number {
  let count = 0;
  for (let i = ipv4Options.first(v, at); i >= 0; i = ipv4Options.next(v, at, i)) count++;
  return count;
}

function chunks(v: DataView, at: number, end: number): number {
  let count = 0;
  for (let i = sctp.firstChunk(v, at, end); i >= 0; i = sctp.nextChunk(v, i, end)) count++;
  return count;
}
