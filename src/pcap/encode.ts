/** Plain objects to the parts of blocks: inverse of decode.ts. draft-ietf-opsawg-pcapng, "Block Definitions". @module */
import * as block from './block.ts';
import * as opt from './option.ts';
import { Resolution, type Stamp, type Ticks } from './timestamp.ts';
import { encodeUtf8 } from './utf8.ts';

/** A block between its two lengths. */
export interface BlockParts {
  readonly body: Uint8Array;
  readonly options: readonly opt.Option[];
}

const text = (code: number, value = ''): opt.Option[] => (value === '' ? [] : [{ code, value: encodeUtf8(value) }]);

/** Empty comments are comments: only names are left out when empty. */
const comments = (list: readonly string[] = []): opt.Option[] =>
  list.map((comment) => ({ code: opt.OPT_COMMENT, value: encodeUtf8(comment) }));

const byte = (code: number, value: number): opt.Option => ({ code, value: Uint8Array.of(value) });

function word64(code: number, value: number | undefined, little: boolean): opt.Option[] {
  if (value === undefined) return [];
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, BigInt(value), little);
  return [{ code, value: new Uint8Array(view.buffer) }];
}

/** A Section Header Block; `little` is its byte order. */
export function encodeSection(header: Partial<block.SectionHeader>, little: boolean): BlockParts {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, block.BYTE_ORDER_MAGIC, little);
  view.setUint16(4, 1, little);
  view.setBigInt64(8, BigInt(header.sectionLength ?? -1), little);
  return {
    body: new Uint8Array(view.buffer),
    options: [
      ...comments(header.comments),
      ...text(opt.SHB_HARDWARE, header.hardware),
      ...text(opt.SHB_OS, header.os),
      ...text(opt.SHB_USERAPPL, header.application),
      ...(header.others ?? []),
    ],
  };
}

/** An Interface Description Block. if_tsresol is left out where it says what its absence does. */
export function encodeInterface(device: block.CaptureInterface, little: boolean): BlockParts {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint16(0, device.linkType, little);
  view.setUint32(4, device.snapLength, little);
  return {
    body: new Uint8Array(view.buffer),
    options: [
      ...comments(device.comments),
      ...text(opt.IF_NAME, device.name),
      ...text(opt.IF_DESCRIPTION, device.description),
      ...(device.tsresol === 6 ? [] : [byte(opt.IF_TSRESOL, device.tsresol)]),
      ...text(opt.IF_OS, device.os),
      ...word64(opt.IF_TSOFFSET, device.tsoffset === 0 ? undefined : device.tsoffset, little),
      ...text(opt.IF_HARDWARE, device.hardware),
      ...device.others,
    ],
  };
}

/** Type of the name record for an address of so many bytes. */
const NRB_TYPE = new Map([
  [4, 1],
  [16, 2],
  [6, 3],
  [8, 4],
]);

/** A Name Resolution Block. @throws {RangeError} for an address of another length, or too many names for one record */
export function encodeNames(records: readonly block.NameRecord[], little: boolean): Uint8Array {
  const values = records.map(({ address, names }) => joinNames(address, names));
  const size = values.reduce((sum, value) => sum + 4 + opt.padded(value.length), 4);
  const body = new Uint8Array(size);
  const view = new DataView(body.buffer);
  const asOptions = values.map((value, i) => ({ code: NRB_TYPE.get(records[i]!.address.length)!, value }));
  opt.writeOptions(asOptions, view, 0, little);
  return body;
}

function joinNames(address: Uint8Array, names: readonly string[]): Uint8Array {
  if (!NRB_TYPE.has(address.length)) throw new RangeError(`address of ${address.length} bytes, expected 4, 6, 8 or 16`);
  const tail = encodeUtf8(names.map((name) => `${name}\0`).join(''));
  const length = address.length + tail.length;
  if (length > 0xffff) throw new RangeError(`name record of ${length} bytes, at most 65535 fit`);
  const value = new Uint8Array(length);
  value.set(address);
  value.set(tail, address.length);
  return value;
}

/** An Interface Statistics Block of `device`. */
export function encodeStatistics(
  statistics: block.InterfaceStatistics,
  device: block.CaptureInterface,
  little: boolean,
): BlockParts {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint32(0, statistics.interfaceId, little);
  writeStamp(statistics, device, view, 4, little);
  const time = (code: number, stamp: Stamp | undefined): opt.Option[] => {
    if (stamp === undefined) return [];
    const words = new DataView(new ArrayBuffer(8));
    writeStamp(stamp, device, words, 0, little);
    return [{ code, value: new Uint8Array(words.buffer) }];
  };
  return {
    body: new Uint8Array(view.buffer),
    options: [
      ...comments(statistics.comments),
      ...time(opt.ISB_STARTTIME, statistics.startTime),
      ...time(opt.ISB_ENDTIME, statistics.endTime),
      ...word64(opt.ISB_IFRECV, statistics.received, little),
      ...word64(opt.ISB_IFDROP, statistics.dropped, little),
      ...word64(opt.ISB_FILTERACCEPT, statistics.filterAccepted, little),
      ...word64(opt.ISB_OSDROP, statistics.osDropped, little),
      ...word64(opt.ISB_USRDELIV, statistics.delivered, little),
      ...statistics.others,
    ],
  };
}

function writeStamp(
  stamp: Readonly<Stamp>,
  device: block.CaptureInterface,
  view: DataView,
  at: number,
  little: boolean,
): void {
  const ticks: Ticks = { ticksHigh: 0, ticksLow: 0 };
  Resolution.of(device.tsresol).toTicks(stamp.seconds - device.tsoffset, stamp.nanos, ticks);
  view.setUint32(at, ticks.ticksHigh, little);
  view.setUint32(at + 4, ticks.ticksLow, little);
}

/** A Decryption Secrets Block without its options. */
export function encodeSecrets(type: number, data: Uint8Array, little: boolean): Uint8Array {
  const body = new Uint8Array(8 + opt.padded(data.length));
  const view = new DataView(body.buffer);
  view.setUint32(0, type, little);
  view.setUint32(4, data.length, little);
  body.set(data, 8);
  return body;
}

/** A Custom Block. */
export function encodeCustom(custom: block.CustomBlock, little: boolean): Uint8Array {
  const body = new Uint8Array(4 + custom.body.length);
  new DataView(body.buffer).setUint32(0, custom.enterprise, little);
  body.set(custom.body, 4);
  return body;
}
