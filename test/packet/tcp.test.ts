import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketError } from '../../src/packet/error.ts';
import { reason } from '../../src/packet/reason.ts';
import * as tcp from '../../src/packet/tcp.ts';
import * as options from '../../src/packet/tcp-options.ts';
import { bytesOf, holds, inverse, u8, u16, u32, upTo, viewOf, words } from './bytes.ts';

const SYN = '9c401f90 000003e8 00000000 a002faf0 7e0e0000 020405b4 0402 080a 00000064 00000000 01 030307'.replaceAll(
  ' ',
  '',
);

describe('tcp', () => {
  it('reads a SYN as captured', () => {
    const v = viewOf(SYN);
    const { options: bytes, ...rest } = tcp.parse(v, 0, 40);
    expect(rest).toEqual({
      srcPort: 40000,
      dstPort: 8080,
      seq: 1000,
      ack: 0,
      reserved: 0,
      flags: tcp.SYN,
      window: 64240,
      checksum: 0x7e0e,
      urgent: 0,
    });
    expect(options.parse(bytes)).toEqual([
      { kind: 'mss', mss: 1460 },
      { kind: 'sackOK' },
      { kind: 'timestamp', value: 100, echo: 0 },
      { kind: 'nop' },
      { kind: 'wscale', shift: 7 },
    ]);
  });
  it('sets the header length and leaves the bits beside it', () => {
    const v = viewOf(SYN.replace('a002', 'a302'));
    tcp.setHeaderLength(v, 0, 24);
    expect([tcp.headerLength(v, 0), tcp.reserved(v, 0)]).toEqual([24, 3]);
  });
  it('drops lengths that lie', () => {
    for (const offset of ['40', '00', 'f0'])
      expect(tcp.check(viewOf(SYN.replace('a002', `${offset}02`)), 0, 40)).toBe(reason('PKT_TOO_SMALL'));
    expect(() => tcp.parse(viewOf(SYN), 0, 39)).toThrow(PacketError);
  });
  const header = fc.record({
    srcPort: u16,
    dstPort: u16,
    seq: u32,
    ack: u32,
    reserved: upTo(15),
    flags: u8,
    window: u16,
    checksum: u16,
    urgent: u16,
    options: words(40),
  });
  it('writes what it reads', () => inverse(tcp, header, (h) => 20 + h.options.length));
});

describe('tcp options', () => {
  const withOptions = (hex: string): DataView => {
    const bytes = hex.replaceAll(' ', '');
    return viewOf(`${'00'.repeat(12)}${(5 + bytes.length / 8).toString(16)}0${'00'.repeat(7)}${bytes}`);
  };
  it('are found by kind, as tcp_parse_options finds them', () => {
    const v = withOptions('01 01 05 12 0000000a00000014 0000001e00000028');
    const at = options.find(v, 0, options.SACK);
    expect([at, options.length(v, at)]).toEqual([22, 18]);
    expect([options.sackLeft(v, at, 1), options.sackRight(v, at, 1)]).toEqual([30, 40]);
    expect(options.find(v, 0, options.MSS)).toBe(-1);
    expect(options.find(withOptions('01 00 02 04'), 0, options.MSS)).toBe(-1);
    expect(options.find(withOptions('63 00 02 04 05 b4 01 01'), 0, options.MSS)).toBe(-1);
    expect(options.find(withOptions('02 05 05 b4'), 0, options.MSS)).toBe(-1);
    expect(options.find(withOptions('01 01 01 02'), 0, options.MSS)).toBe(-1);
  });
  const option: fc.Arbitrary<options.Option> = fc.oneof(
    fc.constantFrom({ kind: 'nop' } as const, { kind: 'sackOK' } as const),
    fc.record({ kind: fc.constant('mss' as const), mss: u16 }),
    fc.record({ kind: fc.constant('wscale' as const), shift: u8 }),
    fc.record({ kind: fc.constant('timestamp' as const), value: u32, echo: u32 }),
    fc.record({
      kind: fc.constant('sack' as const),
      blocks: fc.array(fc.tuple(u32, u32), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ kind: fc.integer({ min: 20, max: 255 }), bytes: fc.uint8Array({ maxLength: 8 }) }),
  );
  it('write what they read, but for the padding', () => {
    holds(
      fc.property(fc.array(option, { maxLength: 5 }), (list) => {
        const read = options.parse(options.emit(list));
        expect(read.slice(0, list.length)).toEqual(list);
        expect(read.slice(list.length).every(({ kind }) => kind === 'eol')).toBe(true);
      }),
    );
  });
  it('throw where a length lies', () => {
    for (const hex of ['02', '0205', '0200', '0201', '0204 05'])
      expect(() => options.parse(bytesOf(hex)), hex).toThrow(PacketError);
  });
});
