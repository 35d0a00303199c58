import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CaptureError,
  CaptureReader,
  PcapngReader,
  PcapngWriter,
  PcapWriter,
  readCapture,
} from '../../src/pcap/index.ts';
import { attempt, hex, type Outcome, sample, written } from './support.ts';

const SHB = '0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000';
const IDB = '01000000 14000000 01000000 00000000 14000000';
const EPB = '06000000 24000000 00000000 00000000 01000000 02000000 02000000 aabb0000 24000000';

/** A small file with blocks of every kind. */
const everything = (littleEndian: boolean): Uint8Array =>
  written((sink) => {
    const writer = new PcapngWriter(sink);
    const data = hex('0102030405');
    writer.section({ littleEndian, application: 'x', comments: ['c'] });
    writer.interface({ name: 'a', tsoffset: 1 });
    writer.interface({ name: 'b', tsresol: 0x80 | 20 });
    writer.packet(0, 2, 3, data, 0, 5);
    writer.packet(1, 2, 3, data, 0, 5, 5, { comments: ['one', 'two'], flags: 1, packetId: 9, dropCount: 1, queue: 2 });
    writer.names([{ address: hex('0a000001'), names: ['n'] }]);
    writer.simplePacket(data);
    writer.statistics({ interfaceId: 1, seconds: 1, nanos: 0, received: 5, comments: [], others: [] });
    writer.secrets({ type: 1, data, options: [] });
    writer.custom({ enterprise: 1, copy: true, body: data });
    writer.block(
      2,
      hex(
        littleEndian ? '0000000000000000000000000200000002000000aabb' : '000000000000000000000000000000020000 0002aabb',
      ),
    );
    writer.section({ littleEndian: !littleEndian });
    writer.interface();
    writer.packet(0, 2, 3, data, 0, 5);
    writer.flush();
  });

const pcap = written((sink) => {
  const writer = new PcapWriter(sink, { littleEndian: false });
  for (let i = 0; i < 3; i++) writer.packet(i, i, hex('010203'), 0, 3);
  writer.flush();
});

const FILES: readonly (readonly [string, Uint8Array])[] = [
  ['pcapng, little endian first', everything(true)],
  ['pcapng, big endian first', everything(false)],
  ['pcap', pcap],
];

/** The blocks of `whole` that end at or before `at`. */
const endingBy = (whole: Outcome, at: number): Outcome['blocks'] =>
  whole.blocks.filter(({ offset, block }) => offset + block.length <= at);

describe.each(FILES)('%s', (_, bytes) => {
  const whole = attempt(bytes);

  test('is sound as it is', () => {
    expect(whole.error).toBeUndefined();
  });

  test('cut at every byte: what is whole is delivered, then the error says where the rest begins', () => {
    const headerEnd = bytes === pcap ? 24 : 0;
    for (let length = 0; length < bytes.length; length++) {
      const { blocks, error } = attempt(bytes.subarray(0, length));
      const delivered = endingBy(whole, length);
      expect(blocks).toEqual(delivered);
      const last = delivered.at(-1);
      const rest = last === undefined ? headerEnd : last.offset + last.block.length;
      if (length === rest && length > 0) expect(error).toBeUndefined();
      else expect(error?.offset).toBe(length < headerEnd ? 0 : rest);
    }
  });

  test('any one byte changed: what stands before is delivered, and reading ends', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0x01, 0x80, 0xff, bytes[at]!]) {
        const changed = bytes.slice();
        changed[at]! ^= flip;
        const { blocks, error } = attempt(changed);
        const sound = endingBy(whole, at);
        expect(blocks.slice(0, sound.length)).toEqual(sound);
        const last = blocks.at(-1);
        if (error !== undefined)
          expect(error.offset).toBeGreaterThanOrEqual(last ? last.offset + last.block.length : 0);
        expect(error?.offset ?? 0).toBeLessThanOrEqual(bytes.length);
      }
    }
  });

  test('damage is the same in pieces of one byte', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = bytes.slice();
        changed[at] = value;
        expect(attempt(changed, 1)).toEqual(attempt(changed));
      }),
    );
  });

  test('random bytes in the middle', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length), fc.uint8Array({ maxLength: 64 }), (at, noise) => {
        const changed = new Uint8Array(Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]));
        expect(attempt(changed).blocks.slice(0, endingBy(whole, at).length)).toEqual(endingBy(whole, at));
      }),
      { numRuns: 500 },
    );
  });
});

test('random files are no captures, or damaged ones', () => {
  const start = fc.constantFrom('', SHB, SHB + IDB, 'd4c3b2a10200040000000000000000000000040001000000', 'a1b23c4d');
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (head, noise) => {
      attempt(new Uint8Array(Buffer.concat([hex(head), noise])));
    }),
    { numRuns: 2000 },
  );
});

describe('a lie', () => {
  const idbWith = (option: string, length: string): string =>
    `01000000 ${length}000000 01000000 00000000 ${option} ${length}000000`;

  test.each([
    ['block length 0', `${SHB} 01000000 00000000 01000000`, 28, /block length 0, expected a multiple of 4 from 12 on/],
    ['block length 8', `${SHB} 01000000 08000000 01000000`, 28, /block length 8/],
    ['block length 21', `${SHB} 01000000 15000000 01000000`, 28, /block length 21/],
    ['block length 2^32 - 1', `${SHB} 01000000 ffffffff 01000000`, 28, /block length 4294967295/],
    [
      'block length 2^32 - 4',
      `${SHB} 01000000 fcffffff 01000000`,
      28,
      /block length 4294967292, expected 16777216 or less/,
    ],
    [
      'another length behind',
      `${SHB} ${IDB.slice(0, -8)}18000000`,
      44,
      /block length 24 behind the block, expected 20/,
    ],
    ['section of 16 bytes', '0a0d0d0a 10000000 4d3c2b1a 10000000', 0, /Section Header Block of 16 bytes, expected 28/],
    ['no byte order', SHB.replace('4d3c2b1a', '4d3c2b1b'), 8, /byte-order magic 0x4d3c2b1b, expected 0x1a2b3c4d/],
    ['no byte order, later', SHB + SHB.replace('4d3c2b1a', '00000000'), 36, /byte-order magic 0x00000000/],
    ['version 2.0', SHB.replace('01000000', '02000000'), 12, /pcapng version 2.0, expected 1.0/],
    ['short interface', `${SHB} 01000000 10000000 01000000 10000000`, 28, /Interface Description Block of 16 bytes/],
    ['no interface', SHB + EPB, 28, /interface 0, the section has described none yet/],
    ['interface of the section before', SHB + IDB + SHB + EPB, 76, /interface 0, the section has described none yet/],
    ['interface out of range', SHB + IDB + EPB.replace('00000000', '01000000'), 48, /interface 1, expected 0 to 0/],
    ['packet overrun', SHB + IDB + EPB.replace('02000000', '05000000'), 48, /5 bytes of packet where the block has 4/],
    ['packet of 4 GiB', SHB + IDB + EPB.replace('02000000', 'ffffffff'), 48, /4294967295 bytes of packet/],
    [
      'short packet block',
      `${SHB}${IDB} 06000000 10000000 00000000 10000000`,
      48,
      /packet block of 16 bytes, expected 32/,
    ],
    [
      'simple packet overrun',
      `${SHB}${IDB} 03000000 10000000 01000000 10000000`,
      48,
      /1 bytes of packet where the block has 0/,
    ],
    ['simple packet without interface', `${SHB} 03000000 10000000 00000000 10000000`, 28, /interface 0/],
    ['option overrun', SHB + idbWith('0200 0500 61626364', '1c'), 44, /option 2 of 5 bytes where 4 are left/],
    ['if_tsresol of 2 bytes', SHB + idbWith('0900 0200 06060000', '1c'), 44, /option 9 of 2 bytes, expected 1/],
    [
      'epb_packetid of 4 bytes',
      `${SHB}${IDB} 06000000 28000000 00000000 00000000 01000000 00000000 00000000 0500 0400 00000000 28000000`,
      76,
      /option 5 of 4 bytes, expected 8/,
    ],
  ])('%s', (_, text, offset, message) => {
    const { error } = attempt(hex(text));
    expect(error).toBeInstanceOf(CaptureError);
    expect(error?.message).toMatch(message);
    expect(error?.offset).toBe(offset);
  });

  test('inside a name resolution block is found by who reads the names', () => {
    const overrun = hex(`${SHB} 04000000 18000000 0100 0900 0a000001 00000000 18000000`);
    expect(attempt(overrun).error).toBeUndefined();
    expect(() => readCapture(overrun)).toThrow(/byte 36: name record of type 1 and 9 bytes, expected 4 to 8/);
    const short = hex(`${SHB} 04000000 18000000 0200 0400 0a000001 00000000 18000000`);
    expect(() => readCapture(short)).toThrow(/expected 16 to 8/);
  });
});

describe('memory', () => {
  test('a huge length is refused before its bytes come', () => {
    const reader = new PcapngReader();
    reader.push(hex(`${SHB} 99000000 04000001 00000000`));
    expect(reader.next()).toBe(true);
    expect(() => reader.next()).toThrow(/block length 16777220, expected 16777216 or less/);
  });

  test("the limit is the caller's", () => {
    const reader = new CaptureReader({ maxBlockLength: 32 });
    reader.push(hex(SHB + IDB + EPB));
    expect(reader.next() && reader.next()).toBe(true);
    expect(() => reader.next()).toThrow(/block length 36, expected 32 or less/);
  });

  test('a long capture goes through a small buffer', () => {
    const reader = new CaptureReader();
    let largest = 0;
    let packets = 0;
    const writer = new PcapngWriter((chunk) => {
      for (let at = 0; at < chunk.length; at += 1000) {
        reader.push(chunk.subarray(at, at + 1000));
        while (reader.nextPacket()) packets++;
        largest = Math.max(largest, reader.cursor.bytes.length);
      }
    });
    writer.interface();
    const data = new Uint8Array(1500);
    for (let i = 0; i < 20_000; i++) writer.packet(0, i, 0, data, 0, 1500);
    writer.flush();
    reader.finish();
    expect(packets).toBe(20_000);
    expect(largest).toBeLessThan(10_000);
  });

  test('interfaces without end are refused', () => {
    const reader = new PcapngReader();
    reader.push(hex(SHB));
    const many = hex(IDB.repeat(1000));
    const flood = () => {
      for (let i = 0; i < 100; i++) {
        reader.push(many);
        while (reader.next());
      }
    };
    expect(flood).toThrow(/more than 65536 interfaces/);
    expect(reader.interfaces).toHaveLength(65_536);
  });

  test('options without end are refused', () => {
    const file = written((sink) => {
      const writer = new PcapngWriter(sink);
      writer.interface({ others: Array.from({ length: 65_537 }, () => ({ code: 99, value: new Uint8Array(0) })) });
      writer.flush();
    });
    expect(attempt(file).error?.message).toMatch(/more than 65536 options/);
  });
});

describe('a reader', () => {
  test('throws the same error ever again', () => {
    const reader = new CaptureReader();
    reader.push(hex('00000000'));
    const thrown = (): unknown => {
      try {
        return reader.next();
      } catch (error) {
        return error;
      }
    };
    const first = thrown();
    expect(first).toBeInstanceOf(CaptureError);
    reader.push(sample('scapy.pcapng'));
    expect(thrown()).toBe(first);
    expect(() => reader.finish()).toThrow(first as CaptureError);
  });

  test('is to be emptied before it is finished', () => {
    const reader = new CaptureReader();
    reader.push(sample('scapy.pcapng'));
    expect(() => reader.finish()).toThrow(/before next\(\) said false/);
  });
});
