/** UTF-8, RFC 3629, by hand: the library runs where there is no TextDecoder. @module */

const REPLACEMENT = 0xfffd;

/** Code point at `i`; a lone surrogate reads as U+FFFD. */
function codePoint(text: string, i: number): number {
  const code = text.codePointAt(i)!;
  return code >= 0xd800 && code <= 0xdfff ? REPLACEMENT : code;
}

function sequenceLength(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

/** How many bytes `text` needs. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const bytes = sequenceLength(codePoint(text, i));
    length += bytes;
    if (bytes === 4) i++;
  }
  return length;
}

/** Write `text` at `at`; gives the byte after it. Lone surrogates become U+FFFD. */
export function writeUtf8(text: string, bytes: Uint8Array, at: number): number {
  let end = at;
  for (let i = 0; i < text.length; i++) {
    const code = codePoint(text, i);
    const length = sequenceLength(code);
    if (length === 1) {
      bytes[end++] = code;
      continue;
    }
    bytes[end++] = (0xf00 >> length) | (code >>> (6 * (length - 1)));
    for (let shift = 6 * (length - 2); shift >= 0; shift -= 6) bytes[end++] = 0x80 | ((code >>> shift) & 0x3f);
    if (length === 4) i++;
  }
  return end;
}

/** `text` as bytes. Inverse of {@link decodeUtf8} for text without lone surrogates. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  writeUtf8(text, bytes, 0);
  return bytes;
}

/** Continuation bytes that a lead byte promises, or -1 for a byte that leads nothing. */
function continuations(lead: number): number {
  if (lead < 0x80) return 0;
  if (lead < 0xc2) return -1;
  if (lead < 0xe0) return 1;
  if (lead < 0xf0) return 2;
  return lead < 0xf5 ? 3 : -1;
}

/** May `byte` follow `lead`? Excludes overlong forms, surrogates and what lies above U+10FFFF (RFC 3629, section 4). */
function mayFollow(lead: number, byte: number): boolean {
  if (lead === 0xe0) return byte >= 0xa0 && byte <= 0xbf;
  if (lead === 0xed) return byte >= 0x80 && byte <= 0x9f;
  if (lead === 0xf0) return byte >= 0x90 && byte <= 0xbf;
  if (lead === 0xf4) return byte >= 0x80 && byte <= 0x8f;
  return byte >= 0x80 && byte <= 0xbf;
}

/** Bytes [at, end) as text; every maximal piece that is no UTF-8 reads as one U+FFFD, as WHATWG's decoder has it. */
export function decodeUtf8(bytes: Uint8Array, at = 0, end: number = bytes.length): string {
  let text = '';
  let i = at;
  while (i < end) {
    const lead = bytes[i++]!;
    const more = continuations(lead);
    let code = more > 0 ? lead & (0x3f >> more) : lead;
    let left = more;
    if (left > 0 && i < end && mayFollow(lead, bytes[i]!)) {
      do code = (code << 6) | (bytes[i++]! & 0x3f);
      while (--left > 0 && i < end && mayFollow(0x80, bytes[i]!));
    }
    text += String.fromCodePoint(left === 0 ? code : REPLACEMENT);
  }
  return text;
}
