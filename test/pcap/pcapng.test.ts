import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BLOCK_CB,
  BLOCK_CB_NO_COPY,
  BLOCK_DSB,
  BLOCK_ISB,
  BLOCK_NRB,
  BLOCK_SHB,
  type CaptureInterface,
  decodeCustom,
  decodeNames,
  decodeSecrets,
  decodeSection,
  decodeStatistics,
  encodeUtf8,
  PACKET_OUTBOUND,
  type PacketOptions,
  PcapngReader,
  PcapngWriter,
  packetAt,
  readCapture,
  scan,
  writePcapng,
} from '../../src/pcap/index.ts';
import { hex, rewrite, written } from './support.ts';

const SHB = '0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000';
const IDB = '01000000 14000000 01000000 00000000 14000000';
const SHB_BIG = '0a0d0d0a 0000001c 1a2b3c4d 00010000 ffffffffffffffff 0000001c';
const IDB_BIG = '00000001 00000014 0001 0000 00000000 00000014';

describe('literal blocks', () => {
  test('an Enhanced Packet Block with every option, little endian', () => {
    const file = hex(`${SHB}
      01000000 48000000 0100 0000 00000400
      0200 0400 65746830  0300 0500 75706c696e000000  0900 0100 09000000  0e00 0800 0a00000000000000
      0d00 0100 04000000  0000 0000  48000000
      06000000 68000000 00000000 fe9c9717 15cd853d 03000000 3c000000 deadbe00
      0100 0200 68690000  0200 0400 02000000  0400 0800 0500000000000000  0500 0800 0807060504030201
      0600 0400 07000000  0700 0900 000200000000000000000000  0000 0000  68000000`);
    const { interfaces, packets } = readCapture(file);
    expect(interfaces).toEqual([
      {
        linkType: 1,
        snapLength: 262_144,
        name: 'eth0',
        description: 'uplin',
        hardware: '',
        os: '',
        tsresol: 9,
        tsoffset: 10,
        comments: [],
        others: [{ code: 13, value: hex('04') }],
      },
    ]);
    expect(packets).toEqual([
      {
        interfaceId: 0,
        seconds: 1_700_000_010,
        nanos: 123_456_789,
        data: hex('deadbe'),
        originalLength: 60,
        comments: ['hi'],
        flags: PACKET_OUTBOUND,
        dropCount: 5,
        packetId: 0x0102030405060708n,
        queue: 7,
        others: [{ code: 7, value: hex('000200000000000000') }],
      },
    ]);
    expect(rewrite(file)).toEqual(file);
  });

  test('a Simple Packet Block is cut at the snap length of interface 0', () => {
    const file = hex(`${SHB_BIG} 00000001 00000014 0001 0000 00000003 00000014
      00000003 00000014 00000040 aabbcc00 00000014`);
    const reader = new PcapngReader();
    reader.push(file);
    expect(reader.nextPacket()).toBe(true);
    expect(reader.cursor.hasTime).toBe(false);
    expect(packetAt(reader.cursor)).toEqual({
      interfaceId: 0,
      seconds: 0,
      nanos: 0,
      data: hex('aabbcc'),
      originalLength: 64,
    });
  });

  test('the obsolete Packet Block has its drops beside the interface', () => {
    const file = hex(`${SHB_BIG} ${IDB_BIG}
      00000002 0000002c 0000 0007 00000000 000f4240 00000002 00000002 aabb0000 0002 0004 00000001 0000002c`);
    expect(readCapture(file).packets).toEqual([
      {
        interfaceId: 0,
        seconds: 1,
        nanos: 0,
        data: hex('aabb'),
        originalLength: 2,
        flags: 1,
        dropCount: 7,
      },
    ]);
    file.set(hex('ffff'), 28 + 20 + 10);
    expect(readCapture(file).packets[0]).not.toHaveProperty('dropCount');
  });

  test('sections of either byte order follow each other, each with its own interfaces', () => {
    const epb = '06000000 24000000 00000000 00000000 01000000 02000000 02000000 aabb0000 24000000';
    const epbBig = '00000006 00000024 00000000 00000000 00000001 00000002 00000002 ccdd0000 00000024';
    const file = hex(SHB + IDB + epb + SHB_BIG + IDB_BIG + epbBig + SHB + IDB + IDB);
    const { packets, interfaces } = readCapture(file);
    expect(interfaces).toHaveLength(4);
    expect(packets.map(({ interfaceId, nanos, data }) => [interfaceId, nanos, data])).toEqual([
      [0, 1000, hex('aabb')],
      [1, 1000, hex('ccdd')],
    ]);
    expect(rewrite(file)).toEqual(file);
  });

  test('a section length that is given is told and not relied upon', () => {
    const file = hex(`0a0d0d0a 1c000000 4d3c2b1a 01000000 1400000000000000 1c000000 ${IDB} ${IDB}`);
    const reader = new PcapngReader();
    reader.push(file);
    expect(reader.next()).toBe(true);
    expect(decodeSection(reader.cursor).sectionLength).toBe(20);
    expect(reader.section?.sectionLength).toBe(20);
    expect(readCapture(file).interfaces).toHaveLength(2);
    expect(rewrite(file)).toEqual(file);
  });

  test('version 1.2 is read as 1.0', () => {
    const file = hex(SHB.replace('01000000', '01000200') + IDB);
    expect(readCapture(file).interfaces).toHaveLength(1);
  });

  test('an option list may lack its end mark, and what follows the mark is ignored', () => {
    const name = '0200 0300 61623000';
    const without = hex(`${SHB} 01000000 1c000000 01000000 00000000 ${name} 1c000000`);
    const behind = hex(`${SHB} 01000000 24000000 01000000 00000000 ${name} 00000000 ffffffff 24000000`);
    for (const file of [without, behind]) {
      expect(readCapture(file).interfaces).toMatchObject([{ name: 'ab0' }]);
      expect(rewrite(file)).toEqual(file);
    }
  });

  test('unknown and local blocks are stepped on as they are', () => {
    const file = hex(`${SHB} 99000080 10000000 01020304 10000000 09000000 0c000000 0c000000`);
    const reader = new PcapngReader();
    const types: number[] = [];
    scan(reader, file, ({ type }) => types.push(type));
    expect(types).toEqual([BLOCK_SHB, 0x80000099, 9]);
    expect(rewrite(file)).toEqual(file);
  });
});

describe('what a writer says, a reader reads', () => {
  const orders = [true, false];

  /** The cursor at the last block of what `write` makes. */
  function last(littleEndian: boolean, write: (writer: PcapngWriter) => void): PcapngReader {
    const bytes = written((sink) => {
      const writer = new PcapngWriter(sink);
      writer.section({ littleEndian });
      writer.interface({ tsoffset: 100 });
      write(writer);
      writer.flush();
    });
    const reader = new PcapngReader();
    reader.push(bytes);
    for (let i = 0; i < 3; i++) expect(reader.next()).toBe(true);
    return reader;
  }

  test.each(orders)('names (little endian: %s)', (little) => {
    const records = [
      { address: hex('0a000001'), names: ['web', 'web.default.svc.cluster.local'] },
      { address: hex('fd000000000000000000000000000001'), names: ['böse'] },
      { address: hex('020000000001'), names: ['nic'] },
      { address: hex('0200000000000001'), names: [] },
    ];
    const options = [{ code: 2, value: encodeUtf8('dns') }];
    const { cursor } = last(little, (writer) => writer.names(records, options));
    expect(cursor.type).toBe(BLOCK_NRB);
    expect(decodeNames(cursor)).toEqual({ records, options });
  });

  test.each(orders)('statistics (little endian: %s)', (little) => {
    const statistics = {
      interfaceId: 0,
      seconds: 1_700_000_000,
      nanos: 5,
      startTime: { seconds: 1_600_000_000, nanos: 6 },
      endTime: { seconds: 1_800_000_000, nanos: 7 },
      received: 2 ** 40,
      dropped: 0,
      filterAccepted: 3,
      osDropped: 4,
      delivered: 5,
      comments: ['counted'],
      others: [{ code: 3000, value: hex('010203') }],
    };
    const reader = last(little, (writer) => writer.statistics(statistics));
    expect(reader.cursor.type).toBe(BLOCK_ISB);
    expect(decodeStatistics(reader.cursor, reader.interfaces)).toEqual(statistics);
  });

  test.each(orders)('secrets (little endian: %s)', (little) => {
    const secrets = { type: 0x544c534b, data: encodeUtf8('CLIENT_RANDOM 1'), options: [] };
    const { cursor } = last(little, (writer) => writer.secrets(secrets));
    expect(cursor.type).toBe(BLOCK_DSB);
    expect(decodeSecrets(cursor)).toEqual(secrets);
  });

  test.each(orders)('custom blocks (little endian: %s)', (little) => {
    for (const copy of [true, false]) {
      const custom = { enterprise: 32_473, copy, body: hex('0102030405060708') };
      const { cursor } = last(little, (writer) => writer.custom(custom));
      expect(cursor.type).toBe(copy ? BLOCK_CB : BLOCK_CB_NO_COPY);
      expect(decodeCustom(cursor)).toEqual(custom);
    }
  });

  test.each(orders)('a simple packet (little endian: %s)', (little) => {
    const { cursor } = last(little, (writer) => writer.simplePacket(hex('010203')));
    expect(packetAt(cursor)).toMatchObject({ data: hex('010203'), originalLength: 3 });
  });

  test.each(orders)('a section (little endian: %s)', (little) => {
    const section = {
      littleEndian: little,
      sectionLength: -1,
      hardware: 'none',
      os: 'Linux',
      application: 'podwire',
      comments: ['one', '', 'three'],
      others: [{ code: 5, value: hex('00') }],
    };
    const { cursor, sections } = last(little, (writer) => writer.section(section));
    expect(sections).toBe(2);
    expect(decodeSection(cursor)).toEqual(section);
  });
});

describe('a writer', () => {
  test('makes a section of its own accord, and a file even of nothing', () => {
    const bytes = written((sink) => new PcapngWriter(sink).flush());
    expect(bytes).toEqual(hex(SHB));
  });

  test('hands over chunks that stay as they are', () => {
    const chunks: Uint8Array[] = [];
    const writer = new PcapngWriter((chunk) => chunks.push(chunk));
    writer.interface();
    const copies: Uint8Array[] = [];
    for (let i = 0; i < 200; i++) {
      writer.packet(0, i, i, new Uint8Array(900).fill(i), 0, 900);
      if (i % 50 === 0) writer.flush();
      for (const chunk of chunks.slice(copies.length)) copies.push(chunk.slice());
    }
    writer.flush();
    expect(chunks.slice(0, copies.length)).toEqual(copies);
    const packets = readCapture(new Uint8Array(Buffer.concat(chunks))).packets;
    expect(packets.map(({ data }) => data[899])).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  test('takes a packet out of the middle of a buffer', () => {
    const bytes = written((sink) => {
      const writer = new PcapngWriter(sink);
      writer.interface();
      writer.packet(0, 1, 2, hex('00112233445566'), 2, 3, 9);
      writer.flush();
    });
    expect(readCapture(bytes).packets).toMatchObject([{ data: hex('223344'), originalLength: 9 }]);
  });

  test('refuses what the format cannot say', () => {
    const writer = new PcapngWriter(() => {});
    const data = hex('0102');
    expect(() => writer.packet(0, 1, 2, data, 0, 2)).toThrow(/interface 0 of 0/);
    writer.interface({ snapLength: 1 });
    expect(() => writer.packet(0, -1, 2, data, 0, 2)).toThrow(RangeError);
    expect(() => writer.packet(0, 1, 2, data, 0, 2, 2, { comments: ['x'.repeat(65_536)] })).toThrow(/65536 bytes/);
    expect(() => writer.interface({ name: 'x'.repeat(65_536) })).toThrow(/65536 bytes/);
    expect(() => writer.names([{ address: hex('010203'), names: [] }])).toThrow(/address of 3 bytes/);
    expect(() => writer.simplePacket(data)).toThrow(/2 bytes, expected 1/);
  });

  test('copies no block into a section of another byte order', () => {
    const reader = new PcapngReader();
    reader.push(hex(SHB_BIG + IDB_BIG));
    reader.next();
    reader.next();
    const writer = new PcapngWriter(() => {});
    writer.section({ littleEndian: true });
    expect(() => writer.copy(reader.cursor)).toThrow(/byte order/);
  });

  test('adds packets of its own between copied blocks', () => {
    const bytes = written((sink) => {
      const reader = new PcapngReader();
      const writer = new PcapngWriter(sink);
      scan(reader, hex(SHB_BIG + IDB_BIG), (cursor) => writer.copy(cursor));
      writer.packet(0, 1, 5000, hex('aa'), 0, 1, 1, { comments: ['added'] });
      writer.flush();
    });
    expect(readCapture(bytes).packets).toMatchObject([{ seconds: 1, nanos: 5000, comments: ['added'] }]);
  });
});

const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((value) => value.replaceAll('\0', ''));
const device: fc.Arbitrary<CaptureInterface> = fc.record({
  linkType: fc.integer({ min: 0, max: 0xffff }),
  snapLength: fc.integer({ min: 0, max: 0xffffffff }),
  name: text,
  description: text,
  hardware: text,
  os: text,
  tsresol: fc.constantFrom(9, 10, 12),
  tsoffset: fc.integer({ min: -1000, max: 1000 }),
  comments: fc.array(text, { maxLength: 3 }),
  others: fc.array(option([13, 11, 2988, 40_000]), { maxLength: 3 }),
});

function option(codes: number[]) {
  return fc.record({ code: fc.constantFrom(...codes), value: fc.uint8Array({ minLength: 1, maxLength: 1 }) });
}

const packetOptions: fc.Arbitrary<PacketOptions> = fc.record(
  {
    comments: fc.array(text, { minLength: 1, maxLength: 3 }),
    flags: fc.integer({ min: 0, max: 0xffffffff }),
    dropCount: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    packetId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    queue: fc.integer({ min: 0, max: 0xffffffff }),
    others: fc.array(option([3, 7, 2989, 65_535]), { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: [] },
);

const capture = fc.array(device, { minLength: 1, maxLength: 4 }).chain((interfaces) =>
  fc.record({
    interfaces: fc.constant(interfaces),
    packets: fc.array(
      fc
        .tuple(
          fc.record({
            interfaceId: fc.nat(interfaces.length - 1),
            seconds: fc.integer({ min: 1000, max: 1_800_000 }),
            nanos: fc.integer({ min: 0, max: 999_999_999 }),
            data: fc.uint8Array({ maxLength: 200 }),
            originalLength: fc.integer({ min: 0, max: 0xffffffff }),
          }),
          packetOptions,
        )
        .map(([packet, options]) => ({ ...packet, ...options })),
      { maxLength: 8 },
    ),
    names: fc.array(
      fc.record({
        address: fc
          .constantFrom(4, 16, 6, 8)
          .chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
        names: fc.array(text, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  }),
);

test('any capture, in either byte order, reads back as written', () => {
  fc.assert(
    fc.property(capture, fc.boolean(), (model, littleEndian) => {
      const bytes = writePcapng(model, { littleEndian });
      expect(readCapture(bytes)).toEqual(model);
      expect(rewrite(bytes)).toEqual(bytes);
    }),
    { numRuns: 300 },
  );
});
