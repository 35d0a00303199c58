/** Writes pcapng. draft-ietf-opsawg-pcapng. @module */
import * as block from './block.ts';
import type { Cursor } from './cursor.ts';
import { decodeInterface } from './decode.ts';
import * as encode from './encode.ts';
import { type Option, optionsBytes, padded, writeOptions } from './option.ts';
import { Output, type Sink } from './output.ts';
import { packetOptionsBytes, writePacketOptions } from './packet-options.ts';
import { Resolution, type Ticks } from './timestamp.ts';

/** An Ethernet interface with nanoseconds and no name. */
const INTERFACE_DEFAULTS: block.CaptureInterface = {
  linkType: block.LINKTYPE_ETHERNET,
  snapLength: 0,
  name: '',
  description: '',
  hardware: '',
  os: '',
  tsresol: 9,
  tsoffset: 0,
  comments: [],
  others: [],
};

const NO_OPTIONS: block.PacketOptions = {};

/** Block type, lengths, and the fixed part of an Enhanced Packet Block. */
const EPB_LEN = 32;
const EPB_DATA = 28;

/**
 * Bytes go to the sink in chunks as they fill, the rest at `flush`. The first section is little endian and says nothing
 * of its writer unless `section` (or `copy` of a section header) comes before everything else.
 */
export class PcapngWriter {
  private readonly output: Output;
  private readonly ticks: Ticks = { ticksHigh: 0, ticksLow: 0 };
  private little = true;
  private sections = 0;
  private devices: block.CaptureInterface[] = [];
  private resolutions: Resolution[] = [];

  constructor(sink: Sink) {
    this.output = new Output(sink);
  }

  /** Interfaces of the current section. */
  get interfaces(): readonly block.CaptureInterface[] {
    return this.devices;
  }

  /** Begin a section, little endian unless said otherwise; its interfaces count from 0 again. */
  section(header: Partial<block.SectionHeader> = {}): void {
    this.beginSection(header.littleEndian ?? true);
    const { body, options } = encode.encodeSection(header, this.little);
    this.block(block.BLOCK_SHB, body, options);
  }

  /** Describe an interface; gives its number, for `packet`. Absent: Ethernet, no snap length, nanoseconds, no texts. */
  interface(description: Partial<block.CaptureInterface> = {}): number {
    const device = { ...INTERFACE_DEFAULTS, ...description };
    const { body, options } = encode.encodeInterface(device, this.little);
    this.block(block.BLOCK_IDB, body, options);
    return this.addDevice(device);
  }

  /**
   * Write a packet: source bytes [at, at + length), `originalLength` on the wire. Runs per packet: no allocation but for
   * a chunk now and then.
   * @throws {RangeError} for an interface not described, a time before 1970, or an option longer than 65,535 bytes
   */
  packet(
    interfaceId: number,
    seconds: number,
    nanos: number,
    source: Uint8Array,
    at: number,
    length: number,
    originalLength: number = length,
    options: block.PacketOptions = NO_OPTIONS,
  ): void {
    const { output, little, ticks } = this;
    const device = this.device(interfaceId);
    this.resolutions[interfaceId]!.toTicks(seconds - device.tsoffset, nanos, ticks);
    const optionBytes = options === NO_OPTIONS ? 0 : packetOptionsBytes(options);
    const total = EPB_LEN + padded(length) + optionBytes;
    const to = output.reserve(total);
    const { view } = output;
    view.setUint32(to, block.BLOCK_EPB, little);
    view.setUint32(to + 4, total, little);
    view.setUint32(to + 8, interfaceId, little);
    view.setUint32(to + 12, ticks.ticksHigh, little);
    view.setUint32(to + 16, ticks.ticksLow, little);
    view.setUint32(to + 20, length, little);
    view.setUint32(to + 24, originalLength, little);
    output.copy(source, at, length, to + EPB_DATA);
    if (optionBytes !== 0) writePacketOptions(options, view, to + EPB_DATA + padded(length), little);
    view.setUint32(to + total - 4, total, little);
  }

  /** Write a packet of interface 0 without time. @throws {RangeError} when `data` is not what that interface keeps */
  simplePacket(data: Uint8Array, originalLength: number = data.length): void {
    const { snapLength } = this.device(0);
    const kept = snapLength === 0 ? originalLength : Math.min(snapLength, originalLength);
    if (data.length !== kept) throw new RangeError(`packet of ${data.length} bytes, expected ${kept}`);
    const body = new Uint8Array(4 + data.length);
    new DataView(body.buffer).setUint32(0, originalLength, this.little);
    body.set(data, 4);
    this.block(block.BLOCK_SPB, body);
  }

  /** Write what addresses are called. */
  names(records: readonly block.NameRecord[], options: readonly Option[] = []): void {
    this.block(block.BLOCK_NRB, encode.encodeNames(records, this.little), options);
  }

  /** Write what an interface has counted. @throws {RangeError} as {@link packet} */
  statistics(statistics: block.InterfaceStatistics): void {
    const device = this.device(statistics.interfaceId);
    const { body, options } = encode.encodeStatistics(statistics, device, this.little);
    this.block(block.BLOCK_ISB, body, options);
  }

  /** Write the keys that packets after this block were encrypted with. */
  secrets({ type, data, options }: block.DecryptionSecrets): void {
    this.block(block.BLOCK_DSB, encode.encodeSecrets(type, data, this.little), options);
  }

  /** Write a Custom Block; the inner bytes are the caller's, in the section's byte order. */
  custom(custom: block.CustomBlock): void {
    const type = custom.copy ? block.BLOCK_CB : block.BLOCK_CB_NO_COPY;
    this.block(type, encode.encodeCustom(custom, this.little));
  }

  /** Write the block that a PcapngReader stands at, byte for byte. Sections and interfaces are followed. */
  copy(cursor: Cursor): void {
    if (cursor.type === block.BLOCK_SHB) this.beginSection(cursor.littleEndian);
    else if (this.sections === 0 || cursor.littleEndian !== this.little) {
      throw new RangeError('a block cannot be copied into a section of another byte order');
    }
    if (cursor.type === block.BLOCK_IDB) this.addDevice(decodeInterface(cursor));
    const length = cursor.blockEnd - cursor.blockAt;
    const to = this.output.reserve(length);
    this.output.copy(cursor.bytes, cursor.blockAt, length, to);
  }

  /** Write a block of any type from its body, which is padded, and options. */
  block(type: number, body: Uint8Array, options: readonly Option[] = []): void {
    if (type !== block.BLOCK_SHB) this.start();
    const { output, little } = this;
    const optionBytes = options.length === 0 ? 0 : optionsBytes(options) + 4;
    const total = 12 + padded(body.length) + optionBytes;
    const to = output.reserve(total);
    output.view.setUint32(to, type, little);
    output.view.setUint32(to + 4, total, little);
    output.bytes.set(body, to + 8);
    writeOptions(options, output.view, to + 8 + padded(body.length), little);
    output.view.setUint32(to + total - 4, total, little);
  }

  /** Hand the rest to the sink. */
  flush(): void {
    this.start();
    this.output.flush();
  }

  private start(): void {
    if (this.sections === 0) this.section();
  }

  private beginSection(little: boolean): void {
    this.little = little;
    this.sections++;
    this.devices = [];
    this.resolutions = [];
  }

  private addDevice(device: block.CaptureInterface): number {
    this.resolutions.push(Resolution.of(device.tsresol));
    return this.devices.push(device) - 1;
  }

  private device(id: number): block.CaptureInterface {
    const device = this.devices[id];
    if (device === undefined) throw new RangeError(`interface ${id} of ${this.devices.length}`);
    return device;
  }
}
