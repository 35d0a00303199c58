import { describe, expect, test } from 'vitest';
import {
  BLOCK_DSB,
  BLOCK_ISB,
  CaptureReader,
  decodeSecrets,
  decodeStatistics,
  decodeUtf8,
  type InterfaceStatistics,
  PcapngReader,
  readCapture,
  scan,
} from '../../src/pcap/index.ts';
import { attempt, rewrite, SAMPLES, sample } from './support.ts';

describe.each(SAMPLES)('%s', (name) => {
  const bytes = sample(name);

  test('is written back byte for byte', () => {
    expect(rewrite(bytes)).toEqual(bytes);
  });

  test('reads the same in pieces of any size', () => {
    const whole = attempt(bytes);
    expect(whole.error).toBeUndefined();
    for (const step of [1, 7, 64, 4096]) expect(attempt(bytes, step)).toEqual(whole);
  });
});

/** Packets, interface names, link types: as capinfos counts and names them. */
test.each([
  ['dumpcap.pcapng', 9, ['lo', 'any'], [1, 113]],
  ['editcap-comments.pcapng', 10, ['a', 'b'], [1, 1]],
  ['editcap-microseconds.pcap', 10, [''], [1]],
  ['editcap-nanoseconds.pcap', 10, [''], [1]],
  ['kernel-in.pcapng', 10, ['a', 'b'], [1, 1]],
  ['mergecap.pcapng', 43, ['a', 'b', '', 'a', 'b'], [1, 1, 1, 1, 1]],
  ['scapy-big-endian.pcap', 5, [''], [1]],
  ['scapy.pcapng', 5, [''], [1]],
  ['tcpdump-any-nano.pcap', 2, [''], [276]],
  ['two-sections.pcapng', 20, ['a', 'b', 'a', 'b'], [1, 1, 1, 1]],
  ['weave-tcpdump.pcap', 23, [''], [1]],
])('%s holds %i packets', (name, count, names, linkTypes) => {
  const { packets, interfaces } = readCapture(sample(name));
  expect(packets).toHaveLength(count);
  expect(interfaces.map((device) => device.name)).toEqual(names);
  expect(interfaces.map(({ linkType }) => linkType)).toEqual(linkTypes);
});

test('comments of packets and of the capture are there in UTF-8', () => {
  const bytes = sample('editcap-comments.pcapng');
  const { packets } = readCapture(bytes);
  expect(packets[0]?.comments).toContain('first comment');
  expect(packets[2]?.comments).toContain('naïve → ☃ 𝄞');
  const reader = new PcapngReader();
  scan(reader, bytes, () => {});
  expect(reader.section?.comments).toEqual(['whole capture']);
});

test('the same packets in four files have the same times, to the resolution of each', () => {
  const times = (name: string, unit: number) =>
    readCapture(sample(name)).packets.map(({ seconds, nanos, data }) => [seconds, nanos - (nanos % unit), data]);
  const wanted = times('kernel-in.pcapng', 1);
  expect(times('editcap-nanoseconds.pcap', 1)).toEqual(wanted);
  expect(times('editcap-comments.pcapng', 1)).toEqual(wanted);
  expect(times('editcap-microseconds.pcap', 1000)).toEqual(times('kernel-in.pcapng', 1000));
});

test('what the section says of its writer', () => {
  const reader = new CaptureReader();
  scan(reader, sample('dumpcap.pcapng'), () => {});
  const inner = reader.inner as PcapngReader;
  expect(inner.section).toMatchObject({
    littleEndian: true,
    comments: ['on two interfaces'],
    application: expect.stringContaining('Dumpcap'),
  });
});

test('what dumpcap counted on each interface', () => {
  const reader = new PcapngReader();
  const counted: InterfaceStatistics[] = [];
  scan(reader, sample('dumpcap.pcapng'), (cursor) => {
    if (cursor.type === BLOCK_ISB) counted.push(decodeStatistics(cursor, reader.interfaces));
  });
  expect(counted).toMatchObject([
    { interfaceId: 0, received: 6, dropped: 0, comments: ['Counters provided by dumpcap'] },
    { interfaceId: 1, received: 3, dropped: 0, comments: ['Counters provided by dumpcap'] },
  ]);
  // dumpcap 4.0 writes these times in microseconds whatever if_tsresol says (here 9): we keep to the draft.
  const { startTime, endTime } = counted[0] ?? {};
  expect([startTime?.seconds, endTime?.seconds]).toEqual([1_795_634, 1_795_634]);
  expect(endTime?.nanos).toBeGreaterThan(startTime?.nanos ?? 0);
});

test('the keys that editcap put in', () => {
  const keys: string[] = [];
  scan(new PcapngReader(), sample('editcap-secrets.pcapng'), (cursor) => {
    if (cursor.type === BLOCK_DSB) keys.push(decodeUtf8(decodeSecrets(cursor).data));
  });
  expect(keys).toEqual(['CLIENT_RANDOM 00 11\n']);
});
