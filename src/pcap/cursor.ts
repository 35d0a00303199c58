/** Where a reader stands: one block of pcapng or one record of pcap, as integers that the next step overwrites. @module */
import { BLOCK_EPB, BLOCK_PB } from './block.ts';
import {
  EPB_DROPCOUNT,
  EPB_FLAGS,
  EPB_PACKETID,
  EPB_QUEUE,
  OPT_COMMENT,
  type Option,
  type OptionSizes,
  optionEnd,
  optionText,
  readOptions,
} from './option.ts';

/** Sizes of Enhanced Packet Block options; epb_hash, epb_verdict and comments vary. */
const EPB_SIZES: OptionSizes = [0, 0, 4, 0, 8, 8, 4];
/** Of the obsolete Packet Block: pack_flags. */
const PB_SIZES: OptionSizes = [0, 0, 4];

/** Valid until the next `next` or `push` of its reader. */
export class Cursor {
  /** The reader's buffer; all `…At` and `…End` are indices into it. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  littleEndian = true;
  /** A BLOCK_ constant, or any other type that the file has. */
  type = 0;
  /** Where the block begins in the file. */
  offset = 0;
  /** The block or record as it stands in the file: [blockAt, blockEnd). */
  blockAt = 0;
  blockEnd = 0;
  /** Whether the fields below mean something. */
  isPacket = false;
  /** Index into the reader's `interfaces`. */
  interfaceId = 0;
  /** Since 1970-01-01 UTC; 0 in a Simple Packet Block, which has no time. */
  seconds = 0;
  nanos = 0;
  hasTime = false;
  /** The time stamp as it stands in the file: ticks of the interface, or the two words of a pcap record. */
  ticksHigh = 0;
  ticksLow = 0;
  dataAt = 0;
  capturedLength = 0;
  /** Bytes on the wire. */
  originalLength = 0;
  optionsAt = 0;
  optionsEnd = 0;
  commentCount = 0;
  /** epb_flags, or -1. */
  flags = -1;
  /** epb_dropcount (exact up to 2^53), or -1. */
  dropCount = -1;
  /** epb_queue, or -1. */
  queue = -1;
  /** epb_packetid as two uint32, or -1 and -1. */
  packetIdHigh = -1;
  packetIdLow = -1;

  /** epb_packetid, or undefined. */
  get packetId(): bigint | undefined {
    if (this.packetIdHigh < 0) return undefined;
    return (BigInt(this.packetIdHigh) << 32n) | BigInt(this.packetIdLow);
  }

  /** A copy of the packet's bytes. */
  data(): Uint8Array {
    return this.bytes.slice(this.dataAt, this.dataAt + this.capturedLength);
  }

  /** A copy of the whole block or record. */
  block(): Uint8Array {
    return this.bytes.slice(this.blockAt, this.blockEnd);
  }

  /** The packet's options in order, comments included. */
  options(): Option[] {
    const { optionsAt, optionsEnd, littleEndian, view } = this;
    return readOptions(view, optionsAt, optionsEnd, littleEndian, this.offset - this.blockAt, this.sizes);
  }

  /** The packet's comments. */
  comments(): string[] {
    if (this.commentCount === 0) return [];
    return this.options().flatMap(({ code, value }) => (code === OPT_COMMENT ? [optionText(value)] : []));
  }

  /** Forget what the last packet's options said. */
  clearOptions(): void {
    this.commentCount = 0;
    this.flags = -1;
    this.dropCount = -1;
    this.queue = -1;
    this.packetIdHigh = -1;
    this.packetIdLow = -1;
  }

  /** Read [optionsAt, optionsEnd) into the fields. Runs per packet. @throws {CaptureError} on a damaged option */
  scanOptions(): void {
    const { view, littleEndian, optionsEnd, sizes } = this;
    const origin = this.offset - this.blockAt;
    let at = this.optionsAt;
    for (;;) {
      const next = optionEnd(view, at, optionsEnd, littleEndian, origin, sizes);
      if (next < 0) return;
      this.note(view.getUint16(at, littleEndian), at + 4);
      at = next;
    }
  }

  private get sizes(): OptionSizes {
    return this.type === BLOCK_EPB ? EPB_SIZES : PB_SIZES;
  }

  private note(code: number, at: number): void {
    const { view, littleEndian } = this;
    if (code === OPT_COMMENT) this.commentCount++;
    else if (code === EPB_FLAGS) this.flags = view.getUint32(at, littleEndian);
    else if (this.type === BLOCK_PB) return;
    else if (code === EPB_QUEUE) this.queue = view.getUint32(at, littleEndian);
    else if (code === EPB_DROPCOUNT) this.dropCount = this.high(at) * 2 ** 32 + this.low(at);
    else if (code === EPB_PACKETID) {
      this.packetIdHigh = this.high(at);
      this.packetIdLow = this.low(at);
    }
  }

  private high(at: number): number {
    return this.view.getUint32(this.littleEndian ? at + 4 : at, this.littleEndian);
  }

  private low(at: number): number {
    return this.view.getUint32(this.littleEndian ? at : at + 4, this.littleEndian);
  }
}
