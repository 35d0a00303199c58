/** Elements of hash types as text, part by part: lib/parse.c and lib/print.c of ipset. @module */
import { formatMac, formatWords, parseMac } from '../packet/address.ts';
import { parseWords } from './address.ts';
import type { Element } from './element.ts';
import { type AddressRange, EMPTY_ENTRY, type Entry } from './entry.ts';
import { parseUint } from './number.ts';
import { formatProtocolPort, parseProtocolPort } from './port-text.ts';
import type { HashType, Part } from './types/hash-type.ts';

type Fail = (message: string) => never;

/** IFNAMSIZ without its closing zero. */
const MAX_DEVICE = 15;

/** What an address may be beside a plain one. */
export interface AddressForm {
  readonly words: number;
  /** A prefix length, a range. */
  readonly cidr: boolean;
  readonly range: boolean;
}

/** `a`, `a/len`, `a-b`. */
export function parseAddress(text: string, { words, cidr, range }: AddressForm, fail: Fail): AddressRange {
  const host = 32 * words;
  const whole = parseWords(text, words);
  if (whole !== undefined) return { words: whole, cidr: host, to: null };
  const slash = text.indexOf('/');
  const dash = text.indexOf('-');
  const mark = slash >= 0 ? slash : dash;
  const first = mark < 0 ? undefined : parseWords(text.slice(0, mark), words);
  if (first === undefined) return fail(`address ${text}, expected ${words === 1 ? 'an IPv4' : 'an IPv6'} address`);
  const rest = text.slice(mark + 1);
  if (slash >= 0) {
    const length = parseUint(rest, host);
    if (length === undefined) return fail(`prefix length ${rest}, expected 0 to ${host}`);
    if (!cidr && length !== host) return fail(`network ${text}, expected a plain address`);
    return { words: first, cidr: length, to: null };
  }
  const last = parseWords(rest, words);
  if (last === undefined) return fail(`address ${rest}, expected the last one of a range`);
  if (!range) return fail(`range ${text}, expected a plain address${cidr ? ' or a network' : ''}`);
  return { words: first, cidr: host, to: last[0]! >>> 0 };
}

/** `physdev:eth0`. */
function parseIface(text: string, fail: Fail): Pick<Entry, 'iface' | 'physdev'> {
  const physdev = text.startsWith('physdev:');
  const iface = physdev ? text.slice('physdev:'.length) : text;
  if (iface.length === 0 || iface.length > MAX_DEVICE)
    return fail(`device ${iface}, expected a name of 1 to ${MAX_DEVICE} characters`);
  return { iface, physdev };
}

/** A MAC address as first two bytes and last four. */
export function parseMacPair(text: string, fail: Fail): readonly [number, number] {
  const mac = parseMac(text);
  if (mac === undefined) return fail(`MAC address ${text}, expected six bytes such as 02:00:00:00:00:01`);
  return [(mac[0]! << 8) | mac[1]!, (mac[2]! << 24) | (mac[3]! << 16) | (mac[4]! << 8) | mac[5]!];
}

/** As ipset prints it, in capitals. Inverse of {@link parseMacPair}. */
export function formatMacPair(high: number, low: number): string {
  const bytes = Uint8Array.of(high >> 8, high, low >> 24, low >> 16, low >> 8, low);
  return formatMac(bytes).toUpperCase();
}

/** The element of a line, without its options. */
export function parseElement(text: string, type: HashType, words: number, fail: Fail): Entry {
  const texts = text.split(',');
  const { parts } = type;
  if (texts.length > parts.length || texts.includes('')) {
    return fail(`${text}, expected an element of ${parts.length} parts (${parts.join(',')})`);
  }
  if (texts.length < parts.length) return fail(`${text} of ${texts.length} parts, expected ${parts.join(',')}`);
  const addresses: AddressRange[] = [];
  let entry: Entry = { ...EMPTY_ENTRY, text, addresses };
  for (const [i, part] of parts.entries()) {
    const word = texts[i]!;
    if (part === 'ip' || part === 'net') addresses.push(parseAddress(word, form(type, part, i, words), fail));
    else entry = { ...entry, ...parsePart(word, part, words, fail) };
  }
  return entry;
}

/** Ranges of single addresses are for the first part of IPv4 elements, but not with a MAC address. */
function form(type: HashType, part: 'ip' | 'net', i: number, words: number): AddressForm {
  if (part === 'net') return { words, cidr: true, range: words === 1 };
  const many = i === 0 && words === 1 && !type.parts.includes('mac');
  return { words, cidr: many, range: many };
}

function parsePart(text: string, part: Part, words: number, fail: Fail): Partial<Entry> {
  switch (part) {
    case 'port':
      return parseProtocolPort(text, words === 4, fail);
    case 'mac':
      return { mac: parseMacPair(text, fail) };
    case 'mark': {
      const mark = parseUint(text, 0xffff_ffff);
      return mark === undefined ? fail(`mark ${text}, expected a number of 32 bits`) : { mark: mark | 0 };
    }
    default:
      return parseIface(text, fail);
  }
}

/** An element as `ipset save` prints it. Inverse of {@link parseElement}. */
export function formatElement(e: Element, type: HashType, words: number): string {
  let address = 0;
  const texts = type.parts.map((part) => {
    if (part === 'ip' || part === 'net') return formatNetwork(e, address++, words);
    if (part === 'port') return formatProtocolPort(e.protocol, e.port);
    if (part === 'mac') return formatMacPair(e.macHigh, e.macLow);
    if (part === 'mark') return `0x${(e.mark >>> 0).toString(16).padStart(8, '0')}`;
    return `${e.physdev ? 'physdev:' : ''}${e.iface}`;
  });
  return texts.join(',');
}

function formatNetwork(e: Element, index: number, words: number): string {
  const text = formatWords([...e.address.subarray(4 * index, 4 * index + words)]);
  const cidr = e.cidr[index]!;
  return cidr === 32 * words ? text : `${text}/${cidr}`;
}
