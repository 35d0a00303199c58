import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Address6,
  format4,
  format6,
  formatMac,
  mask4,
  mask6,
  parse4,
  parse6,
  parseMac,
  prefixLength4,
} from '../../src/packet/address.ts';
import { holds } from './bytes.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** Words as addresses have them: many zeros. */
const word = fc.oneof(int32, fc.constantFrom(0, 0, 1, 0xffff, 0x10000, -65536));

describe('IPv4 text', () => {
  it('is four decimal numbers and nothing else', () => {
    expect(parse4('10.0.0.1')).toBe(0x0a000001);
    expect(parse4('255.255.255.255')).toBe(-1);
    for (const text of [
      '',
      '1.2.3',
      '1.2.3.4.5',
      '256.0.0.1',
      '01.2.3.4',
      '0x1.2.3.4',
      ' 1.2.3.4',
      '1.2.3.4/8',
      '1e1.0.0.1',
    ])
      expect(parse4(text), text).toBeUndefined();
  });
  it('is read and printed inversely', () => {
    holds(fc.property(int32, (address) => parse4(format4(address)) === address));
  });
});

describe('IPv6 text', () => {
  /** What inet_ntop of glibc 2.36 printed. */
  it.each([
    ['::', [0, 0, 0, 0]],
    ['::1', [0, 0, 0, 1]],
    ['::ffff', [0, 0, 0, 0xffff]],
    ['::0.1.0.0', [0, 0, 0, 0x10000]],
    ['::1.2.3.4', [0, 0, 0, 0x01020304]],
    ['::ffff:1.2.3.4', [0, 0, 0xffff, 0x01020304]],
    ['::ffff:0:102:304', [0, 0, -65536, 0x01020304]],
    ['64:ff9b::102:304', [0x0064ff9b, 0, 0, 0x01020304]],
    ['2001:db8:0:1:1:1:1:1', [0x20010db8, 1, 0x00010001, 0x00010001]],
    ['2001:db8::1:0:0:1', [0x20010db8, 0, 0x00010000, 1]],
    ['1:0:0:1::', [0x00010000, 1, 0, 0]],
    ['fe80::', [-25165824, 0, 0, 0]],
  ] as const)('%s', (text, words) => {
    expect(format6(words as unknown as Address6)).toBe(text);
    expect(parse6(text)).toEqual(words);
  });
  it('may end in a dotted quad anywhere', () => {
    expect(parse6('1:2:3:4:5:6:1.2.3.4')).toEqual([0x10002, 0x30004, 0x50006, 0x01020304]);
    expect(parse6('64:ff9b::1.2.3.4')).toEqual([0x64ff9b, 0, 0, 0x01020304]);
  });
  it.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '::01.2.3.4',
    '::1.2.3',
    '1.2.3.4',
  ])('refuses "%s"', (text) => expect(parse6(text)).toBeUndefined());
  it('is read and printed inversely', () => {
    holds(
      fc.property(fc.tuple(word, word, word, word), (a) => {
        expect(parse6(format6(a))).toEqual(a);
      }),
    );
  });
});

describe('masks', () => {
  it('are prefixes', () => {
    expect([0, 1, 24, 31, 32].map((n) => mask4(n) >>> 0)).toEqual([0, 0x80000000, 0xffffff00, 0xfffffffe, 0xffffffff]);
    for (let n = 0; n <= 32; n++) expect(prefixLength4(mask4(n))).toBe(n);
    expect(prefixLength4(0x00ffffff)).toBe(-1);
    expect(prefixLength4(-16711681)).toBe(-1);
    expect(mask6(0)).toEqual([0, 0, 0, 0]);
    expect(mask6(65)).toEqual([-1, -1, -2147483648, 0]);
    expect(mask6(128)).toEqual([-1, -1, -1, -1]);
  });
});

describe('MAC text', () => {
  it('takes one or two digits a byte', () => {
    expect(formatMac(parseMac('2:0:0:A:b:1f')!)).toBe('02:00:00:0a:0b:1f');
    for (const text of ['', '1:2:3:4:5', '1:2:3:4:5:6:7', '1:2:3:4:5:', '1:2:3:4:5:100', '1-2-3-4-5-6'])
      expect(parseMac(text), text).toBeUndefined();
  });
});
