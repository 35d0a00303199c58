/** Reads pcapng as a stream. draft-ietf-opsawg-pcapng. @module */
import * as block from './block.ts';
import { Cursor } from './cursor.ts';
import { bodyOf, decodeInterface, decodeSection, noInterface } from './decode.ts';
import { CaptureError } from './error.ts';
import { Inbox } from './inbox.ts';
import { padded } from './option.ts';
import { Reader, type ReaderOptions } from './reader.ts';
import { Resolution } from './timestamp.ts';

/** Block type, length in front, length behind. */
const SHELL = 12;
/** Fixed part of a packet block in front of its data. */
const EPB_BODY = 20;
const SPB_BODY = 4;

/** Interfaces that one section may have. */
const MAX_INTERFACES = 65_536;

/** Every block of the file is stepped on: packets fill the cursor, the others are there for the functions of decode.ts. */
export class PcapngReader extends Reader {
  /** The header of the section that the cursor is in; undefined before the first block. */
  section: block.SectionHeader | undefined;
  /** How many sections have begun. */
  sections = 0;
  private devices: block.CaptureInterface[] = [];
  private resolutions: Resolution[] = [];
  private describedBytes = 0;

  constructor(options: ReaderOptions = {}, inbox: Inbox = new Inbox(), cursor: Cursor = new Cursor()) {
    super(options, inbox, cursor);
  }

  override get interfaces(): readonly block.CaptureInterface[] {
    return this.devices;
  }

  protected override advance(): boolean {
    const { cursor, inbox } = this;
    const at = inbox.start;
    const here = inbox.end - at;
    if (here < SHELL) return false;
    const { view } = inbox;
    const type = view.getUint32(at, cursor.littleEndian);
    if (type === block.BLOCK_SHB) cursor.littleEndian = this.byteOrder(view, at);
    else if (this.sections === 0) throw this.fail(`block type ${hex(type)}, expected a Section Header Block`);
    const length = this.lengthAt(view, at);
    if (here < length) return false;
    const trailer = view.getUint32(at + length - 4, cursor.littleEndian);
    if (trailer !== length) {
      throw this.fail(`block length ${trailer} behind the block, expected ${length} as in front`, length - 4);
    }
    cursor.bytes = inbox.bytes;
    cursor.view = view;
    cursor.type = type;
    cursor.offset = inbox.offset;
    cursor.blockAt = at;
    cursor.blockEnd = at + length;
    this.enter(type);
    inbox.start = at + length;
    return true;
  }

  override describeRest(): string {
    const { inbox, cursor } = this;
    if (inbox.length < SHELL) return `the file ends after ${inbox.length} bytes of a block, expected 12 or more`;
    const length = inbox.view.getUint32(inbox.start + 4, cursor.littleEndian);
    return `the file ends after ${inbox.length} of the ${length} bytes of a block`;
  }

  /** Length of the block at `at`, refused before its bytes are waited for. */
  private lengthAt(view: DataView, at: number): number {
    const length = view.getUint32(at + 4, this.cursor.littleEndian);
    if (length < SHELL || (length & 3) !== 0) {
      throw this.fail(`block length ${length}, expected a multiple of 4 from 12 on`);
    }
    const limit = this.maxBlockLength;
    if (length > limit) throw this.fail(`block length ${length}, expected ${limit} or less`);
    return length;
  }

  /** Whether the section that begins at `at` is little endian. */
  private byteOrder(view: DataView, at: number): boolean {
    if (view.getUint32(at + 8, true) === block.BYTE_ORDER_MAGIC) return true;
    if (view.getUint32(at + 8) === block.BYTE_ORDER_MAGIC) return false;
    throw this.fail(`byte-order magic ${hex(view.getUint32(at + 8))}, expected 0x1a2b3c4d in either order`, 8);
  }

  private enter(type: number): void {
    const { cursor } = this;
    cursor.isPacket = type === block.BLOCK_EPB || type === block.BLOCK_SPB || type === block.BLOCK_PB;
    if (type === block.BLOCK_EPB) this.enterPacket(cursor.view.getUint32(cursor.blockAt + 8, cursor.littleEndian));
    else if (type === block.BLOCK_SHB) this.enterSection();
    else if (type === block.BLOCK_IDB) this.enterInterface();
    else if (type === block.BLOCK_SPB) this.enterSimplePacket();
    else if (type === block.BLOCK_PB) this.enterOldPacket();
  }

  private enterSection(): void {
    const { cursor } = this;
    const at = bodyOf(cursor, 16, 'Section Header Block');
    const major = cursor.view.getUint16(at + 4, cursor.littleEndian);
    const minor = cursor.view.getUint16(at + 6, cursor.littleEndian);
    // 1.2 was written by some for what is 1.0.
    if (major !== 1 || (minor !== 0 && minor !== 2)) {
      throw new CaptureError(`pcapng version ${major}.${minor}, expected 1.0`, cursor.offset + 12);
    }
    this.section = decodeSection(cursor);
    this.sections++;
    this.devices = [];
    this.resolutions = [];
    this.describedBytes = 0;
  }

  private enterInterface(): void {
    const { cursor } = this;
    this.describedBytes += cursor.blockEnd - cursor.blockAt;
    if (this.describedBytes > this.maxBlockLength || this.devices.length === MAX_INTERFACES) {
      const limit = `${MAX_INTERFACES} interfaces or ${this.maxBlockLength} bytes of their descriptions`;
      throw new CaptureError(`more than ${limit} in a section`, cursor.offset);
    }
    const device = decodeInterface(cursor);
    this.devices.push(device);
    this.resolutions.push(Resolution.of(device.tsresol));
  }

  /** Runs per packet: no allocation. */
  private enterPacket(interfaceId: number): void {
    const { cursor } = this;
    const { view, littleEndian } = cursor;
    const at = bodyOf(cursor, EPB_BODY, 'packet block');
    if (interfaceId >= this.devices.length) throw noInterface(interfaceId, this.devices.length, cursor.offset);
    const device = this.devices[interfaceId]!;
    const captured = view.getUint32(at + 12, littleEndian);
    const room = cursor.blockEnd - 4 - at - EPB_BODY;
    if (captured > room) throw this.overrun(captured, room);
    cursor.interfaceId = interfaceId;
    cursor.ticksHigh = view.getUint32(at + 4, littleEndian);
    cursor.ticksLow = view.getUint32(at + 8, littleEndian);
    this.resolutions[interfaceId]!.toStamp(cursor.ticksHigh, cursor.ticksLow, cursor);
    if (device.tsoffset !== 0) cursor.seconds += device.tsoffset;
    cursor.hasTime = true;
    cursor.capturedLength = captured;
    cursor.originalLength = view.getUint32(at + 16, littleEndian);
    cursor.dataAt = at + EPB_BODY;
    cursor.optionsAt = cursor.dataAt + padded(captured);
    cursor.optionsEnd = cursor.blockEnd - 4;
    cursor.clearOptions();
    if (cursor.optionsAt !== cursor.optionsEnd) cursor.scanOptions();
  }

  /** The obsolete Packet Block has its drop count where half of the interface number is now. */
  private enterOldPacket(): void {
    const { cursor } = this;
    const at = bodyOf(cursor, EPB_BODY, 'packet block');
    this.enterPacket(cursor.view.getUint16(at, cursor.littleEndian));
    const drops = cursor.view.getUint16(at + 2, cursor.littleEndian);
    if (drops !== 0xffff) cursor.dropCount = drops;
  }

  /** A Simple Packet Block says neither time nor captured length: that is what interface 0 keeps. */
  private enterSimplePacket(): void {
    const { cursor } = this;
    const at = bodyOf(cursor, SPB_BODY, 'Simple Packet Block');
    const device = this.devices[0];
    if (device === undefined) throw noInterface(0, 0, cursor.offset);
    const original = cursor.view.getUint32(at, cursor.littleEndian);
    const captured = device.snapLength === 0 ? original : Math.min(original, device.snapLength);
    const room = cursor.blockEnd - 4 - at - SPB_BODY;
    if (captured > room) throw this.overrun(captured, room);
    cursor.interfaceId = 0;
    cursor.ticksHigh = 0;
    cursor.ticksLow = 0;
    cursor.seconds = 0;
    cursor.nanos = 0;
    cursor.hasTime = false;
    cursor.capturedLength = captured;
    cursor.originalLength = original;
    cursor.dataAt = at + SPB_BODY;
    cursor.optionsAt = cursor.blockEnd - 4;
    cursor.optionsEnd = cursor.optionsAt;
    cursor.clearOptions();
  }

  private overrun(captured: number, room: number): CaptureError {
    return new CaptureError(`${captured} bytes of packet where the block has ${room}`, this.cursor.offset);
  }
}

const hex = (word: number): string => `0x${word.toString(16).padStart(8, '0')}`;
