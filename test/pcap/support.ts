/** What the tests of captures share: bytes from hex, sinks, the sample files. @module */
import { readdirSync, readFileSync } from 'node:fs';
import {
  type CapturedPacket,
  CaptureError,
  CaptureReader,
  PcapngWriter,
  PcapReader,
  PcapWriter,
  packetAt,
} from '../../src/pcap/index.ts';

const DATA = new URL('data/', import.meta.url);

/** Names of the sample files that can be read. */
export const SAMPLES: readonly string[] = readdirSync(DATA).filter((name) => name !== 'editcap-modified.pcap');

export const sample = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, DATA)));

/** Bytes from hex with blanks. */
export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));

/** Everything that `write` gives to the sink it is handed. */
export function written(write: (sink: (chunk: Uint8Array) => void) => void): Uint8Array {
  const chunks: Uint8Array[] = [];
  write((chunk) => chunks.push(chunk));
  return new Uint8Array(Buffer.concat(chunks));
}

/** A file read and its blocks or records written again. */
export function rewrite(bytes: Uint8Array): Uint8Array {
  return written((sink) => {
    const reader = new CaptureReader();
    reader.push(bytes);
    const { cursor } = reader;
    const more = reader.next();
    if (reader.inner instanceof PcapReader) {
      const writer = new PcapWriter(sink, reader.inner.header);
      for (let found = more; found; found = reader.next()) {
        const { ticksHigh, ticksLow, dataAt, capturedLength, originalLength } = cursor;
        writer.record(ticksHigh, ticksLow, cursor.bytes, dataAt, capturedLength, originalLength);
      }
      writer.flush();
    } else {
      const writer = new PcapngWriter(sink);
      for (let found = more; found; found = reader.next()) writer.copy(cursor);
      writer.flush();
    }
    reader.finish();
  });
}

/** What a reader makes of a file, damaged or not. */
export interface Outcome {
  readonly blocks: { readonly offset: number; readonly block: Uint8Array }[];
  readonly packets: CapturedPacket[];
  readonly error: CaptureError | undefined;
}

/** Read bytes pushed in pieces of `step`; anything thrown but CaptureError is thrown on. */
export function attempt(bytes: Uint8Array, step: number = bytes.length): Outcome {
  const reader = new CaptureReader();
  const blocks: Outcome['blocks'] = [];
  const packets: CapturedPacket[] = [];
  try {
    for (let at = 0; at < bytes.length; at += step) {
      reader.push(bytes.subarray(at, at + step));
      while (reader.next()) {
        blocks.push({ offset: reader.cursor.offset, block: reader.cursor.block() });
        if (reader.cursor.isPacket) packets.push(packetAt(reader.cursor));
      }
    }
    reader.finish();
    return { blocks, packets, error: undefined };
  } catch (error) {
    if (error instanceof CaptureError) return { blocks, packets, error };
    throw error;
  }
}
