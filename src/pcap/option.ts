/** Options of pcapng blocks: code, length, value, padding. draft-ietf-opsawg-pcapng, "Options". @module */
import { CaptureError } from './error.ts';
import { decodeUtf8, utf8Length, writeUtf8 } from './utf8.ts';

/** One option as it stands in the file; numbers within `value` have the byte order of its section. */
export interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

export const OPT_ENDOFOPT = 0;
export const OPT_COMMENT = 1;

/** Section Header Block. */
export const SHB_HARDWARE = 2;
export const SHB_OS = 3;
export const SHB_USERAPPL = 4;

/** Interface Description Block. */
export const IF_NAME = 2;
export const IF_DESCRIPTION = 3;
export const IF_TSRESOL = 9;
export const IF_OS = 12;
export const IF_TSOFFSET = 14;
export const IF_HARDWARE = 15;

/** Enhanced Packet Block; the obsolete Packet Block has the first two as well. */
export const EPB_FLAGS = 2;
export const EPB_HASH = 3;
export const EPB_DROPCOUNT = 4;
export const EPB_PACKETID = 5;
export const EPB_QUEUE = 6;
export const EPB_VERDICT = 7;

/** Interface Statistics Block. */
export const ISB_STARTTIME = 2;
export const ISB_ENDTIME = 3;
export const ISB_IFRECV = 4;
export const ISB_IFDROP = 5;
export const ISB_FILTERACCEPT = 6;
export const ISB_OSDROP = 7;
export const ISB_USRDELIV = 8;

/** Options that `readOptions` takes from one block: more are an attack, since each costs far more than its 4 bytes. */
const MAX_OPTIONS = 65_536;

/** Length of an option's value that has but one; 0 for the others. `sizes[code]`. */
export type OptionSizes = readonly number[];

/** Bytes that `length` bytes take up when padded to 32 bits. */
export const padded = (length: number): number => (length + 3) & ~3;

/**
 * Check the option at `at` and give the byte after it, or -1 when the list ends here.
 * @param origin file offset of byte 0 of `view`
 * @throws {CaptureError} when it reaches beyond `end` or has not the size of its kind
 */
export function optionEnd(
  view: DataView,
  at: number,
  end: number,
  little: boolean,
  origin: number,
  sizes: OptionSizes,
): number {
  if (at + 4 > end) return -1;
  const code = view.getUint16(at, little);
  if (code === OPT_ENDOFOPT) return -1;
  const length = view.getUint16(at + 2, little);
  if (at + 4 + length > end) {
    throw new CaptureError(
      `option ${code} of ${length} bytes where ${end - at - 4} are left in the block`,
      origin + at,
    );
  }
  const size = sizes[code] ?? 0;
  if (size !== 0 && length !== size) {
    throw new CaptureError(`option ${code} of ${length} bytes, expected ${size}`, origin + at);
  }
  return at + 4 + padded(length);
}

/** Copies of the options in [at, end), without the end mark. @throws {CaptureError} as {@link optionEnd} */
export function readOptions(
  view: DataView,
  at: number,
  end: number,
  little: boolean,
  origin: number,
  sizes: OptionSizes,
): Option[] {
  const options: Option[] = [];
  for (;;) {
    const next = optionEnd(view, at, end, little, origin, sizes);
    if (next < 0) return options;
    if (options.length === MAX_OPTIONS)
      throw new CaptureError(`more than ${MAX_OPTIONS} options in a block`, origin + at);
    const length = view.getUint16(at + 2, little);
    const from = view.byteOffset + at + 4;
    options.push({ code: view.getUint16(at, little), value: new Uint8Array(view.buffer.slice(from, from + length)) });
    at = next;
  }
}

/** An option's text; writers that end it with NUL exist. */
export function optionText(value: Uint8Array): string {
  const nul = value.indexOf(0);
  return decodeUtf8(value, 0, nul < 0 ? value.length : nul);
}

/** Bytes that a text takes up as an option. @throws {RangeError} when it is longer than 65,535 bytes */
export function textOptionBytes(text: string): number {
  const length = utf8Length(text);
  if (length > 0xffff) throw new RangeError(`option text of ${length} bytes, at most 65535 fit`);
  return 4 + padded(length);
}

/** Bytes that options take up, without the end mark. @throws {RangeError} when one is longer than 65,535 bytes */
export function optionsBytes(options: readonly Option[]): number {
  let total = 0;
  for (const { code, value } of options) {
    if (value.length > 0xffff) throw new RangeError(`option ${code} of ${value.length} bytes, at most 65535 fit`);
    total += 4 + padded(value.length);
  }
  return total;
}

/** Write a text as an option into zeroed bytes at `at`; gives the byte after its padding. */
export function writeTextOption(code: number, text: string, view: DataView, at: number, little: boolean): number {
  const bytes = new Uint8Array(view.buffer, view.byteOffset);
  const length = writeUtf8(text, bytes, at + 4) - at - 4;
  view.setUint16(at, code, little);
  view.setUint16(at + 2, length, little);
  return at + 4 + padded(length);
}

/** Write options into zeroed bytes at `at`; gives the byte after the last. Inverse of {@link readOptions}. */
export function writeOptions(options: readonly Option[], view: DataView, at: number, little: boolean): number {
  const bytes = new Uint8Array(view.buffer, view.byteOffset);
  for (const { code, value } of options) {
    view.setUint16(at, code, little);
    view.setUint16(at + 2, value.length, little);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  return at;
}
