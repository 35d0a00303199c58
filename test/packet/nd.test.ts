import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address6, format6 } from '../../src/packet/address.ts';
import * as nd from '../../src/packet/nd.ts';
import { reason } from '../../src/packet/reason.ts';
import { hexOf, inverse, u8, u16, u32, viewOf } from './bytes.ts';

const SOLICITATION = '8700 7bb0 00000000 fd000000000000000000000000000002 0101 020000000001';

describe('nd', () => {
  it('reads a solicitation as captured', () => {
    const v = viewOf(SOLICITATION);
    expect(nd.check(v, 0, 32)).toBe(0);
    const { options, ...rest } = nd.parse(v, 0, 32);
    expect(rest).toEqual({ type: 135, code: 0, checksum: 0x7bb0, target: 'fd00::2' });
    expect(hexOf(options)).toBe('0101020000000001');
    expect(nd.findOption(v, 0, 32, nd.SOURCE_LL_ADDR)).toBe(24);
    expect(nd.findOption(v, 0, 32, nd.TARGET_LL_ADDR)).toBe(-1);
  });
  it('refuses options of no length, or beyond the end', () => {
    const bad = reason('IPV6_NDISC_BAD_OPTIONS');
    expect(nd.check(viewOf(SOLICITATION.replace('0101', '0100')), 0, 32)).toBe(bad);
    expect(nd.check(viewOf(SOLICITATION.replace('0101', '0102')), 0, 32)).toBe(bad);
    expect(nd.check(viewOf(SOLICITATION), 0, 25)).toBe(bad);
    expect(nd.check(viewOf(SOLICITATION), 0, 23)).toBe(reason('PKT_TOO_SMALL'));
    expect(nd.check(viewOf(SOLICITATION.replace('8700', '8000')), 0, 32)).toBe(reason('PKT_TOO_SMALL'));
  });
  it('sets flags and target', () => {
    const v = viewOf(SOLICITATION.replace('8700', '8800'));
    nd.setFlags(v, 0, nd.SOLICITED | nd.OVERRIDE);
    nd.setTargetWord(v, 0, 3, 9);
    expect(nd.parse(v, 0, 32)).toMatchObject({ type: 136, flags: 0x60, target: 'fd00::9' });
  });

  const address = fc.tuple(u32, u32, u32, u32).map((w) => format6(w.map((n) => n | 0) as unknown as Address6));
  const options = fc
    .array(fc.tuple(u8, fc.uint8Array({ minLength: 6, maxLength: 6 })), { maxLength: 3 })
    .map((list) => Uint8Array.from(list.flatMap(([type, value]) => [type, 1, ...value])));
  const common = { code: u8, checksum: u16, options };
  const messages: fc.Arbitrary<nd.Nd> = fc.oneof(
    fc.record({ type: fc.constant(133 as const), ...common }),
    fc.record({
      type: fc.constant(134 as const),
      hopLimit: u8,
      flags: u8,
      lifetime: u16,
      reachable: u32,
      retransmit: u32,
      ...common,
    }),
    fc.record({ type: fc.constant(135 as const), target: address, ...common }),
    fc.record({ type: fc.constant(136 as const), flags: u8, target: address, ...common }),
    fc.record({ type: fc.constant(137 as const), target: address, destination: address, ...common }),
  );
  // Any whole number of options is a message, so what is cut short may still be one: `check` is not held to it here.
  const uncut = { ...nd, check: () => 1 };
  it('writes what it reads', () => inverse(uncut, messages, (m) => nd.optionsOffset(m.type) + m.options.length));
});
