/** How many packets of 100 bytes a second are written to and read from a capture? @module */
import b from 'benny';
import { CaptureReader, PACKET_OUTBOUND, PcapngWriter, PcapWriter } from 'podwire/pcap';

const PACKETS = 10_000;
const LENGTH = 100;
const CHUNK = 65_536;

const frame = new Uint8Array(LENGTH).map((_, i) => i);
const options = { flags: PACKET_OUTBOUND, packetId: 1 };
let chunks: Uint8Array[] = [];
/** Keeps the work from being optimised away. */
let sink = 0;
const count = (chunk: Uint8Array): void => {
  sink += chunk.length;
};
const keep = (chunk: Uint8Array): void => {
  chunks.push(chunk);
};

function writePcapng(to: (chunk: Uint8Array) => void): void {
  const writer = new PcapngWriter(to);
  writer.interface({ name: 'eth0' });
  for (let i = 0; i < PACKETS; i++) writer.packet(0, 1_700_000_000, i * 1000, frame, 0, LENGTH);
  writer.flush();
}

function writeWithOptions(to: (chunk: Uint8Array) => void): void {
  const writer = new PcapngWriter(to);
  writer.interface({ name: 'eth0' });
  for (let i = 0; i < PACKETS; i++) {
    options.packetId = i;
    writer.packet(0, 1_700_000_000, i * 1000, frame, 0, LENGTH, LENGTH, options);
  }
  writer.flush();
}

function writePcap(to: (chunk: Uint8Array) => void): void {
  const writer = new PcapWriter(to);
  for (let i = 0; i < PACKETS; i++) writer.packet(1_700_000_000, i * 1000, frame, 0, LENGTH);
  writer.flush();
}

/** The bytes of a file in chunks as a disk would give them. */
function fileOf(write: (to: (chunk: Uint8Array) => void) => void): Uint8Array[] {
  chunks = [];
  write(keep);
  const bytes = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
  const pieces = Math.ceil(bytes.length / CHUNK);
  return Array.from({ length: pieces }, (_, i) => bytes.slice(i * CHUNK, (i + 1) * CHUNK));
}

function read(file: Uint8Array[]): void {
  const reader = new CaptureReader();
  const { cursor } = reader;
  for (const chunk of file) {
    reader.push(chunk);
    while (reader.nextPacket()) sink += cursor.nanos + cursor.capturedLength;
  }
  reader.finish();
}

const pcapng = fileOf(writePcapng);
const withOptions = fileOf(writeWithOptions);
const pcap = fileOf(writePcap);

const report = (summary: { results: { name: string; ops: number }[] }): void => {
  for (const { name, ops } of summary.results) {
    const perSecond = ops * PACKETS;
    process.stdout.write(`${name}: ${(perSecond / 1e6).toFixed(1)} million packets/s\n`);
  }
};

await b.suite(
  `captures: ${PACKETS} packets of ${LENGTH} bytes an operation`,
  b.add('write pcapng', () => writePcapng(count)),
  b.add('write pcapng with flags and packet id', () => writeWithOptions(count)),
  b.add('write pcap', () => writePcap(count)),
  b.add('read pcapng', () => read(pcapng)),
  b.add('read pcapng with flags and packet id', () => read(withOptions)),
  b.add('read pcap', () => read(pcap)),
  b.cycle(),
  b.complete(report),
);
if (sink === 0) throw new Error('nothing was done');
