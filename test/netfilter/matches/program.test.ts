import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkBpf } from '../../../src/netfilter/bpf-program.ts';
import { formatU32, parseU32, type U32Test } from '../../../src/netfilter/u32-program.ts';
import { ip, RuleBench, udp } from '../rule-bench.ts';

const rule = (match: string): RuleBench => new RuleBench(`-A FORWARD ${match}`);
const PACKET = [ip({ ttl: 64, id: 0x1234 }), udp(4000, 53)];
const matches = (match: string, payload = 'say Hello'): boolean => rule(match).matches(PACKET, payload);

describe('u32', () => {
  test.each([
    ['8&0xff0000=0x110000', true],
    ['8>>24=64', true],
    ['8>>24=1:63', false],
    ['8>>24=1,2,64', true],
    ['0>>22&0x3c@0>>16=4000', true],
    ['0>>22&0x3c@2&0xffff=18:100', false],
    ['0>>22&0x3c@8=0x73617920', true],
    ['8>>24=64&&4>>16=0x1234', true],
    ['8>>24=64&&4>>16=0x1235', false],
    ['0<<4&0xf0000000=0x50000000', true],
    ['100=0:0xffffffff', false],
    ['4294967293=0:0xffffffff', false],
    ['0>>22&0x3c@4294967295=0:0xffffffff', false],
  ])('%s is %s', (text, expected) => {
    expect(matches(`-m u32 --u32 "${text}"`)).toBe(expected);
    expect(matches(`-m u32 ! --u32 "${text}"`)).toBe(!expected);
  });

  const uint = fc.nat(0xffff_ffff);
  const location = fc
    .tuple(uint, fc.array(fc.tuple(fc.nat(3), uint), { maxLength: 9 }))
    .map(([offset, operations]) => [offset, ...operations.flat()]);
  const arbitrary: fc.Arbitrary<U32Test> = fc.record({
    location,
    values: fc.array(fc.tuple(uint, uint), { minLength: 1, maxLength: 10 }),
  });

  test('reads what it prints', () => {
    fc.assert(
      fc.property(fc.array(arbitrary, { minLength: 1, maxLength: 10 }), (tests) => {
        expect(parseU32(formatU32(tests))).toEqual(tests);
      }),
    );
  });

  test('any other text is a program or a complaint', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseU32(text);
        if (typeof parsed === 'string') expect(parsed).toMatch(/expected/);
        else expect(parseU32(formatU32(parsed))).toEqual(parsed);
      }),
    );
  });
});

describe('string', () => {
  // The text begins 28 bytes behind the IP header's first.
  test.each([
    ['--string "Hello"', true],
    ['--string "hello"', false],
    ['--string "hello" --icase', true],
    ['--string "Hello" --from 32', true],
    ['--string "Hello" --from 33', false],
    ['--string "Hello" --to 37', true],
    ['--string "Hello" --to 36', false],
    ['--hex-string "|48 65|llo"', true],
    ['--hex-string "|1234|"', true],
  ])('%s is %s', (options, expected) => {
    for (const algo of ['bm', 'kmp']) expect(matches(`-m string --algo ${algo} ${options}`)).toBe(expected);
    expect(matches(`-m string --algo bm ! ${options}`)).toBe(!expected);
  });
});

describe('bpf', () => {
  test.each([
    ['4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0', true],
    ['4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0', false],
    // udp dst port 53, by the header length.
    ['5,177 0 0 0,72 0 0 2,21 0 1 53,6 0 0 65535,6 0 0 0', true],
    // Length, division, memory, exchange of registers.
    ['9,128 0 0 0,52 0 0 2,2 0 0 5,0 0 0 9,97 0 0 5,12 0 0 0,21 0 1 27,6 0 0 1,6 0 0 0', true],
    // Ancillary: ethertype; a load beyond the end returns 0.
    ['4,40 0 0 4294963200,21 0 1 2048,6 0 0 1,6 0 0 0', true],
    ['2,32 0 0 5000,6 0 0 1', false],
    // Division by an X of 0 returns 0.
    ['4,1 0 0 0,0 0 0 7,60 0 0 0,6 0 0 1', false],
    // The link header: source MAC's last bytes.
    ['4,32 0 0 4292870152,21 0 1 258,6 0 0 1,6 0 0 0', true],
  ])('%s returns %s', (program, expected) => {
    expect(matches(`-m bpf --bytecode "${program}"`)).toBe(expected);
  });

  const instruction = (code: number, k = 0, jt = 0, jf = 0) => ({ code, jt, jf, k });
  test('programs that the kernel refuses', () => {
    expect(checkBpf([instruction(6)])).toBeNull();
    expect(checkBpf([instruction(0x20, 1)])).toMatch('no return');
    expect(checkBpf([instruction(0xffff), instruction(6)])).toMatch('opcode');
    expect(checkBpf([instruction(0x34, 0), instruction(6)])).toMatch('division');
    expect(checkBpf([instruction(0x64, 32), instruction(6)])).toMatch('shift');
    expect(checkBpf([instruction(0x15, 0, 1, 0), instruction(6)])).toMatch('jump');
    expect(checkBpf([instruction(0x60, 3), instruction(6)])).toMatch('before it is written');
    expect(checkBpf([instruction(2, 16), instruction(6)])).toMatch('memory');
  });
});
