import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaptureError, PcapReader, PcapWriter, readCapture, writePcap, writePcapng } from '../../src/pcap/index.ts';
import { attempt, hex, sample, written } from './support.ts';

const LITTLE_MICRO = hex(`
  d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000
  00f15365 40e20100 04000000 3c000000 deadbeef`);
const BIG_NANO = hex(`
  a1b23c4d 0002 0004 00000000 00000000 00040000 00000001
  6553f100 075bcd15 00000004 0000003c deadbeef`);

const packet = (nanos: number) => ({
  interfaceId: 0,
  seconds: 1_700_000_000,
  nanos,
  data: hex('deadbeef'),
  originalLength: 60,
});

describe('a literal file', () => {
  test.each([
    ['little endian, microseconds', LITTLE_MICRO, 6, 123_456_000],
    ['big endian, nanoseconds', BIG_NANO, 9, 123_456_789],
  ])('%s', (_, bytes, tsresol, nanos) => {
    const { interfaces, packets } = readCapture(bytes);
    expect(interfaces).toMatchObject([{ linkType: 1, snapLength: 262_144, tsresol, name: '' }]);
    expect(packets).toEqual([packet(nanos)]);
  });

  test('is written back', () => {
    const capture = readCapture(BIG_NANO);
    expect(writePcap(capture, { littleEndian: false })).toEqual(BIG_NANO);
    expect(writePcap(readCapture(LITTLE_MICRO), { nanosecond: false })).toEqual(LITTLE_MICRO);
  });

  test('of a header alone holds no packet', () => {
    expect(readCapture(BIG_NANO.slice(0, 24)).interfaces).toHaveLength(1);
    expect(readCapture(BIG_NANO.slice(0, 24)).packets).toEqual([]);
  });
});

test('the reserved words and the FCS bits of the header survive', () => {
  const bytes = LITTLE_MICRO.slice();
  bytes.set(hex('f0f1ffff 07000000'), 8);
  bytes.set(hex('01000024'), 20);
  const reader = new PcapReader();
  reader.push(bytes);
  expect(reader.nextPacket()).toBe(true);
  expect(reader.interfaces[0]).toMatchObject({ linkType: 1 });
  expect(reader.header).toMatchObject({ thiszone: -3600, sigfigs: 7, network: 0x24000001 });
  const { ticksHigh, ticksLow, dataAt } = reader.cursor;
  const again = written((sink) => {
    const writer = new PcapWriter(sink, reader.header);
    writer.record(ticksHigh, ticksLow, reader.cursor.bytes, dataAt, 4, 60);
    writer.flush();
  });
  expect(again).toEqual(bytes);
});

test('a fraction of more than a second is carried', () => {
  const bytes = LITTLE_MICRO.slice();
  new DataView(bytes.buffer).setUint32(28, 2_500_000, true);
  expect(readCapture(bytes).packets[0]).toMatchObject({ seconds: 1_700_000_002, nanos: 500_000_000 });
});

describe('refused', () => {
  test.each([
    ['modified pcap', sample('editcap-modified.pcap'), 0, /Kuznetzov's modified pcap, which is not supported/],
    ['Navtel', hex('4d3c2ba1 00000000'), 0, /Navtel/],
    ['Ixia', hex('ac01001c 00000000'), 0, /Ixia/],
    ['gzip', hex('1f8b0808 00000000'), 0, /gzip file, to be decompressed first, expected a pcap or pcapng/],
    ['text', hex('68656c6c6f'), 0, /begins with 0x68656c6c, expected a pcap or pcapng/],
    ['version 2.2', Uint8Array.from(LITTLE_MICRO).fill(2, 6, 7), 4, /version 2.2, expected 2.4/],
    ['huge record', Uint8Array.from(LITTLE_MICRO).fill(0xff, 32, 36), 24, /record of 4294967295 bytes/],
    ['nothing', new Uint8Array(0), 0, /empty file/],
    ['three bytes', hex('d4c3b2'), 0, /ends after 3 bytes/],
    ['half a header', LITTLE_MICRO.slice(0, 20), 0, /20 of the 24 bytes/],
    ['half a record header', LITTLE_MICRO.slice(0, 30), 24, /6 of the 16 bytes/],
    ['half a record', LITTLE_MICRO.slice(0, 42), 24, /18 of the 20 bytes/],
  ])('%s', (_, bytes, offset, message) => {
    const { error } = attempt(bytes);
    expect(error).toBeInstanceOf(CaptureError);
    expect(error?.message).toMatch(message);
    expect(error?.offset).toBe(offset);
    expect(error?.message.startsWith(`byte ${offset}: `)).toBe(true);
  });

  test('a time that fits no 32 bits, on writing', () => {
    const writer = new PcapWriter(() => {});
    expect(() => writer.packet(-1, 0, new Uint8Array(4), 0, 4)).toThrow(RangeError);
    expect(() => writer.packet(2 ** 32, 0, new Uint8Array(4), 0, 4)).toThrow(RangeError);
  });
});

test('any packets, in either byte order and resolution, read back as written', () => {
  const record = fc.record({
    seconds: fc.integer({ min: 0, max: 0xffffffff }),
    nanos: fc.integer({ min: 0, max: 999_999_999 }),
    data: fc.uint8Array({ maxLength: 300 }),
    originalLength: fc.integer({ min: 0, max: 0xffffffff }),
  });
  fc.assert(
    fc.property(fc.array(record), fc.boolean(), fc.boolean(), (records, littleEndian, nanosecond) => {
      const packets = records.map(({ nanos, ...rest }) => {
        return { interfaceId: 0, ...rest, nanos: nanosecond ? nanos : nanos - (nanos % 1000) };
      });
      const bytes = writePcap({ interfaces: [], packets, names: [] }, { littleEndian, nanosecond });
      expect(readCapture(bytes).packets).toEqual(packets);
    }),
  );
});

test('pcap to pcapng and back is the same file', () => {
  for (const name of ['weave-tcpdump.pcap', 'editcap-microseconds.pcap']) {
    const bytes = sample(name);
    const across = writePcapng(readCapture(bytes));
    expect(writePcap(readCapture(across), { nanosecond: false })).toEqual(bytes);
  }
});

test('interfaces of two link types do not fit into pcap', () => {
  expect(() => writePcap(readCapture(sample('dumpcap.pcapng')))).toThrow(/link types 1, 113/);
});
