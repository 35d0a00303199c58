/**
 * Captures, read and written: pcap and pcapng, as streams without allocation per packet or whole as plain objects.
 * @example
 * const reader = new CaptureReader();
 * const { cursor } = reader;
 * for (const chunk of chunks) {
 *   reader.push(chunk);
 *   while (reader.nextPacket()) {
 *     const { name } = reader.interfaces[cursor.interfaceId]!;
 *     // cursor.seconds, cursor.nanos; bytes [dataAt, dataAt + capturedLength) of cursor.bytes
 *   }
 * }
 * reader.finish();
 *
 * const writer = new PcapngWriter(sink);
 * const eth0 = writer.interface({ name: 'eth0', snapLength: 262_144 });
 * writer.packet(eth0, seconds, nanos, bytes, at, length, length, { flags: PACKET_OUTBOUND, packetId, comments });
 * writer.flush();
 * @module
 */
export * from './block.ts';
export * from './capture.ts';
export { CaptureReader } from './capture-reader.ts';
export { Cursor } from './cursor.ts';
export * from './decode.ts';
export { CaptureError } from './error.ts';
export * from './option.ts';
export type { Sink } from './output.ts';
export { type PcapHeader, PcapReader } from './pcap-reader.ts';
export { PcapWriter } from './pcap-writer.ts';
export { PcapngReader } from './pcapng-reader.ts';
export { PcapngWriter } from './pcapng-writer.ts';
export { MAX_BLOCK_LENGTH, Reader, type ReaderOptions } from './reader.ts';
export { Resolution, type Stamp, type Ticks } from './timestamp.ts';
export { decodeUtf8, encodeUtf8 } from './utf8.ts';
