/** A whole capture as plain objects, and from one format to the other: for tests and files of modest size. @module */
import * as block from './block.ts';
import { CaptureReader } from './capture-reader.ts';
import type { Cursor } from './cursor.ts';
import { decodeNames } from './decode.ts';
import * as opt from './option.ts';
import { type PcapHeader, PcapReader } from './pcap-reader.ts';
import { PcapWriter } from './pcap-writer.ts';
import { PcapngWriter } from './pcapng-writer.ts';
import type { Reader, ReaderOptions } from './reader.ts';
import type { Stamp } from './timestamp.ts';

/** A packet and when and where it was seen. */
export interface CapturedPacket extends Readonly<Stamp>, block.PacketOptions {
  /** Index of the capture's `interfaces`. */
  readonly interfaceId: number;
  readonly data: Uint8Array;
  /** Bytes on the wire. */
  readonly originalLength: number;
}

/** What a file holds of lasting interest, its sections joined. */
export interface Capture {
  readonly interfaces: readonly block.CaptureInterface[];
  readonly packets: readonly CapturedPacket[];
  readonly names: readonly block.NameRecord[];
}

/** Bytes pushed at a time, so that the reader's own buffer stays small. */
const SLICE = 65_536;

/** Run `visit` at every block of a file in memory. @throws {CaptureError} after the blocks before the damage */
export function scan(reader: Reader, bytes: Uint8Array, visit: (cursor: Cursor) => void): void {
  for (let at = 0; at < bytes.length; at += SLICE) {
    reader.push(bytes.subarray(at, at + SLICE));
    while (reader.next()) visit(reader.cursor);
  }
  reader.finish();
}

/** Read a whole pcap or pcapng file. @throws {CaptureError} */
export function readCapture(bytes: Uint8Array, options: ReaderOptions = {}): Capture {
  const reader = new CaptureReader(options);
  const interfaces: block.CaptureInterface[] = [];
  const packets: CapturedPacket[] = [];
  const names: block.NameRecord[] = [];
  let before = 0;
  scan(reader, bytes, (cursor) => {
    if (cursor.type === block.BLOCK_SHB) before = interfaces.length;
    else if (cursor.type === block.BLOCK_IDB) interfaces.push(reader.interfaces.at(-1)!);
    else if (cursor.type === block.BLOCK_NRB) for (const record of decodeNames(cursor).records) names.push(record);
    else if (cursor.isPacket) packets.push(packetAt(cursor, before));
  });
  return { interfaces: reader.inner instanceof PcapReader ? reader.interfaces : interfaces, packets, names };
}

const SHOWN = [opt.OPT_COMMENT, opt.EPB_FLAGS, opt.EPB_DROPCOUNT, opt.EPB_PACKETID, opt.EPB_QUEUE];

/** The packet that a cursor stands at. @param before interfaces of the sections before its own */
export function packetAt(cursor: Cursor, before = 0): CapturedPacket {
  const others = cursor.options().filter(({ code }) => !SHOWN.includes(code));
  const { packetId } = cursor;
  return {
    interfaceId: before + cursor.interfaceId,
    seconds: cursor.seconds,
    nanos: cursor.nanos,
    data: cursor.data(),
    originalLength: cursor.originalLength,
    ...(cursor.commentCount > 0 && { comments: cursor.comments() }),
    ...(cursor.flags >= 0 && { flags: cursor.flags }),
    ...(cursor.dropCount >= 0 && { dropCount: cursor.dropCount }),
    ...(packetId !== undefined && { packetId }),
    ...(cursor.queue >= 0 && { queue: cursor.queue }),
    ...(others.length > 0 && { others }),
  };
}

/** A capture as one pcapng section: interfaces, names, packets. Inverse of {@link readCapture}. */
export function writePcapng(capture: Capture, section: Partial<block.SectionHeader> = {}): Uint8Array {
  const chunks: Uint8Array[] = [];
  const writer = new PcapngWriter((chunk) => chunks.push(chunk));
  writer.section(section);
  for (const device of capture.interfaces) writer.interface(device);
  if (capture.names.length > 0) writer.names(capture.names);
  for (const packet of capture.packets) {
    const { interfaceId, seconds, nanos, data, originalLength } = packet;
    writer.packet(interfaceId, seconds, nanos, data, 0, data.length, originalLength, packet);
  }
  writer.flush();
  return join(chunks);
}

/**
 * A capture as pcap, which has one link type and no interfaces, options or names.
 * @param header what differs from PcapWriter's defaults; the network is that of the interfaces
 * @throws {RangeError} when interfaces differ in link type
 */
export function writePcap(capture: Capture, header: Partial<PcapHeader> = {}): Uint8Array {
  const types = new Set(capture.interfaces.map(({ linkType }) => linkType));
  if (types.size > 1) throw new RangeError(`link types ${[...types].join(', ')}, pcap has one`);
  const chunks: Uint8Array[] = [];
  const network = types.values().next().value ?? block.LINKTYPE_ETHERNET;
  const writer = new PcapWriter((chunk) => chunks.push(chunk), { network, ...header });
  for (const { seconds, nanos, data, originalLength } of capture.packets) {
    writer.packet(seconds, nanos, data, 0, data.length, originalLength);
  }
  writer.flush();
  return join(chunks);
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
