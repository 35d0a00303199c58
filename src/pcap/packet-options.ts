/** Options of an Enhanced Packet Block, written straight into the block: these run per packet. @module */
import type { PacketOptions } from './block.ts';
import * as opt from './option.ts';

const NO_TEXTS: readonly string[] = [];
const NO_OPTIONS: readonly opt.Option[] = [];

/** Bytes that the options take up with their end mark; 0 when there are none. @throws {RangeError} when one is too long */
export function packetOptionsBytes(options: PacketOptions): number {
  let total = 0;
  const comments = options.comments ?? NO_TEXTS;
  for (let i = 0; i < comments.length; i++) total += opt.textOptionBytes(comments[i]!);
  if (options.flags !== undefined) total += 8;
  if (options.dropCount !== undefined) total += 12;
  if (options.packetId !== undefined) total += 12;
  if (options.queue !== undefined) total += 8;
  total += opt.optionsBytes(options.others ?? NO_OPTIONS);
  return total === 0 ? 0 : total + 4;
}

/** Write options into zeroed bytes at `at`; what follows them is the end mark, which is zero as well. */
export function writePacketOptions(options: PacketOptions, view: DataView, at: number, little: boolean): void {
  const comments = options.comments ?? NO_TEXTS;
  for (let i = 0; i < comments.length; i++) {
    at = opt.writeTextOption(opt.OPT_COMMENT, comments[i]!, view, at, little);
  }
  if (options.flags !== undefined) at = word32(opt.EPB_FLAGS, options.flags, view, at, little);
  if (options.dropCount !== undefined) at = word64(opt.EPB_DROPCOUNT, options.dropCount, view, at, little);
  if (options.packetId !== undefined) at = word64(opt.EPB_PACKETID, options.packetId, view, at, little);
  if (options.queue !== undefined) at = word32(opt.EPB_QUEUE, options.queue, view, at, little);
  opt.writeOptions(options.others ?? NO_OPTIONS, view, at, little);
}

function word32(code: number, value: number, view: DataView, at: number, little: boolean): number {
  view.setUint16(at, code, little);
  view.setUint16(at + 2, 4, little);
  view.setUint32(at + 4, value, little);
  return at + 8;
}

function word64(code: number, value: number | bigint, view: DataView, at: number, little: boolean): number {
  view.setUint16(at, code, little);
  view.setUint16(at + 2, 8, little);
  if (typeof value === 'bigint') view.setBigUint64(at + 4, value, little);
  else {
    view.setUint32(little ? at + 8 : at + 4, Math.floor(value / 2 ** 32), little);
    view.setUint32(little ? at + 4 : at + 8, value, little);
  }
  return at + 12;
}
