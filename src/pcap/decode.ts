/**
 * Blocks without packets to plain objects: `cursor` stands at one whose length has been checked. Each throws
 * CaptureError when the inside is damaged. draft-ietf-opsawg-pcapng, "Block Definitions". @module
 */
import * as block from './block.ts';
import type { Cursor } from './cursor.ts';
import { CaptureError } from './error.ts';
import * as opt from './option.ts';
import { Resolution, type Stamp } from './timestamp.ts';
import { decodeUtf8 } from './utf8.ts';

const ANY_SIZE: opt.OptionSizes = [];
const IF_SIZES: opt.OptionSizes = [0, 0, 0, 0, 8, 17, 6, 8, 8, 1, 4, 0, 0, 1, 8];
const ISB_SIZES: opt.OptionSizes = [0, 0, 8, 8, 8, 8, 8, 8, 8];

/** Fixed part of each block, type, lengths and options left out. */
const SHB_BODY = 16;
const IDB_BODY = 8;
const ISB_BODY = 12;
const DSB_BODY = 8;
const CB_BODY = 4;

/** Types of name resolution records, and the length of their address. */
const NRB_RECORD_END = 0;
const NRB_ADDRESS_BYTES = [0, 4, 16, 6, 8] as const;

/** Where what is behind type and length begins. @throws {CaptureError} when the block has less than `bytes` there */
export function bodyOf(cursor: Cursor, bytes: number, name: string): number {
  const length = cursor.blockEnd - cursor.blockAt;
  if (length < 12 + bytes) {
    throw new CaptureError(`${name} of ${length} bytes, expected ${12 + bytes} or more`, cursor.offset);
  }
  return cursor.blockAt + 8;
}

function optionsAfter(cursor: Cursor, at: number, sizes: opt.OptionSizes): opt.Option[] {
  const { view, blockAt, blockEnd, littleEndian, offset } = cursor;
  return opt.readOptions(view, at, blockEnd - 4, littleEndian, offset - blockAt, sizes);
}

function valueAt(options: readonly opt.Option[], code: number): Uint8Array | undefined {
  return options.find((option) => option.code === code)?.value;
}

function textOf(options: readonly opt.Option[], code: number): string {
  const value = valueAt(options, code);
  return value === undefined ? '' : opt.optionText(value);
}

function commentsOf(options: readonly opt.Option[]): string[] {
  return options.filter(({ code }) => code === opt.OPT_COMMENT).map(({ value }) => opt.optionText(value));
}

/** The options that no field shows: of other codes, and what repeats one that may stand only once. */
function othersOf(options: readonly opt.Option[], shown: readonly number[]): opt.Option[] {
  const left = new Set(shown);
  return options.filter(({ code }) => code !== opt.OPT_COMMENT && !left.delete(code));
}

const viewOf = (value: Uint8Array): DataView => new DataView(value.buffer, value.byteOffset, value.length);

/** The Section Header Block; its byte order is the cursor's. */
export function decodeSection(cursor: Cursor): block.SectionHeader {
  const at = bodyOf(cursor, SHB_BODY, 'Section Header Block');
  const { view, littleEndian } = cursor;
  const options = optionsAfter(cursor, at + SHB_BODY, ANY_SIZE);
  return {
    littleEndian,
    sectionLength: Number(view.getBigInt64(at + 8, littleEndian)),
    hardware: textOf(options, opt.SHB_HARDWARE),
    os: textOf(options, opt.SHB_OS),
    application: textOf(options, opt.SHB_USERAPPL),
    comments: commentsOf(options),
    others: othersOf(options, [opt.SHB_HARDWARE, opt.SHB_OS, opt.SHB_USERAPPL]),
  };
}

const IF_SHOWN = [opt.IF_NAME, opt.IF_DESCRIPTION, opt.IF_HARDWARE, opt.IF_OS, opt.IF_TSRESOL, opt.IF_TSOFFSET];

/** An Interface Description Block. */
export function decodeInterface(cursor: Cursor): block.CaptureInterface {
  const at = bodyOf(cursor, IDB_BODY, 'Interface Description Block');
  const { view, littleEndian } = cursor;
  const options = optionsAfter(cursor, at + IDB_BODY, IF_SIZES);
  const tsoffset = valueAt(options, opt.IF_TSOFFSET);
  return {
    linkType: view.getUint16(at, littleEndian),
    snapLength: view.getUint32(at + 4, littleEndian),
    name: textOf(options, opt.IF_NAME),
    description: textOf(options, opt.IF_DESCRIPTION),
    hardware: textOf(options, opt.IF_HARDWARE),
    os: textOf(options, opt.IF_OS),
    tsresol: valueAt(options, opt.IF_TSRESOL)?.[0] ?? 6,
    tsoffset: tsoffset === undefined ? 0 : Number(viewOf(tsoffset).getBigInt64(0, littleEndian)),
    comments: commentsOf(options),
    others: othersOf(options, IF_SHOWN),
  };
}

/** A Name Resolution Block. Records of unknown kinds are passed over. */
export function decodeNames(cursor: Cursor): block.NameResolution {
  const { view, littleEndian, blockAt, blockEnd, offset, bytes } = cursor;
  const end = blockEnd - 4;
  const records: block.NameRecord[] = [];
  let at = bodyOf(cursor, 0, 'Name Resolution Block');
  while (at + 4 <= end) {
    const type = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    const from = at + 4;
    const size = NRB_ADDRESS_BYTES[type] ?? 0;
    if (from + length > end || length < size) {
      const message = `name record of type ${type} and ${length} bytes, expected ${size} to ${end - from}`;
      throw new CaptureError(message, offset + at - blockAt);
    }
    at = from + opt.padded(length);
    if (type === NRB_RECORD_END) break;
    if (size === 0) continue;
    records.push({ address: bytes.slice(from, from + size), names: namesIn(bytes, from + size, from + length) });
  }
  return { records, options: optionsAfter(cursor, at, ANY_SIZE) };
}

/** Names that each end with a NUL; the last one's may be missing. */
function namesIn(bytes: Uint8Array, at: number, end: number): string[] {
  const names: string[] = [];
  for (let from = at; at < end; at++) {
    if (bytes[at] !== 0 && at + 1 < end) continue;
    names.push(decodeUtf8(bytes, from, bytes[at] === 0 ? at : end));
    from = at + 1;
  }
  return names;
}

const ISB_COUNTERS = [
  ['received', opt.ISB_IFRECV],
  ['dropped', opt.ISB_IFDROP],
  ['filterAccepted', opt.ISB_FILTERACCEPT],
  ['osDropped', opt.ISB_OSDROP],
  ['delivered', opt.ISB_USRDELIV],
] as const;

const ISB_SHOWN = [opt.ISB_STARTTIME, opt.ISB_ENDTIME, ...ISB_COUNTERS.map(([, code]) => code)];

/** An Interface Statistics Block of one of `interfaces`. */
export function decodeStatistics(
  cursor: Cursor,
  interfaces: readonly block.CaptureInterface[],
): block.InterfaceStatistics {
  const at = bodyOf(cursor, ISB_BODY, 'Interface Statistics Block');
  const { view, littleEndian } = cursor;
  const interfaceId = view.getUint32(at, littleEndian);
  const device = interfaces[interfaceId];
  if (device === undefined) throw noInterface(interfaceId, interfaces.length, cursor.offset);
  const options = optionsAfter(cursor, at + ISB_BODY, ISB_SIZES);
  const time = (words: DataView, from: number) => stampAt(words, from, littleEndian, device);
  const start = valueAt(options, opt.ISB_STARTTIME);
  const end = valueAt(options, opt.ISB_ENDTIME);
  const counters = ISB_COUNTERS.flatMap(([name, code]) => {
    const value = valueAt(options, code);
    return value === undefined ? [] : [[name, Number(viewOf(value).getBigUint64(0, littleEndian))] as const];
  });
  return {
    interfaceId,
    ...time(view, at + 4),
    ...(start && { startTime: time(viewOf(start), 0) }),
    ...(end && { endTime: time(viewOf(end), 0) }),
    ...Object.fromEntries(counters),
    comments: commentsOf(options),
    others: othersOf(options, ISB_SHOWN),
  };
}

function stampAt(view: DataView, at: number, little: boolean, device: block.CaptureInterface): Stamp {
  const stamp: Stamp = { seconds: 0, nanos: 0 };
  Resolution.of(device.tsresol).toStamp(view.getUint32(at, little), view.getUint32(at + 4, little), stamp);
  stamp.seconds += device.tsoffset;
  return stamp;
}

/** A Decryption Secrets Block. */
export function decodeSecrets(cursor: Cursor): block.DecryptionSecrets {
  const at = bodyOf(cursor, DSB_BODY, 'Decryption Secrets Block');
  const { view, littleEndian, bytes, blockEnd, offset } = cursor;
  const length = view.getUint32(at + 4, littleEndian);
  const from = at + DSB_BODY;
  if (length > blockEnd - 4 - from) {
    throw new CaptureError(`${length} bytes of secrets where the block has ${blockEnd - 4 - from}`, offset);
  }
  return {
    type: view.getUint32(at, littleEndian),
    data: bytes.slice(from, from + length),
    options: optionsAfter(cursor, from + opt.padded(length), ANY_SIZE),
  };
}

/** A Custom Block of either kind. */
export function decodeCustom(cursor: Cursor): block.CustomBlock {
  const at = bodyOf(cursor, CB_BODY, 'Custom Block');
  return {
    enterprise: cursor.view.getUint32(at, cursor.littleEndian),
    copy: cursor.type === block.BLOCK_CB,
    body: cursor.bytes.slice(at + CB_BODY, cursor.blockEnd - 4),
  };
}

/** The error about a packet or statistics of an interface that the section has not described. */
export function noInterface(id: number, count: number, offset: number): CaptureError {
  const known = count === 0 ? 'the section has described none yet' : `expected 0 to ${count - 1}`;
  return new CaptureError(`interface ${id}, ${known}`, offset);
}
