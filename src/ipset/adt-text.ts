/** The element of an `add`, `del` or `test` line with its options. @module */
import { parseAddress, parseElement, parseMacPair } from './element-text.ts';
import { EMPTY_ENTRY, type Entry } from './entry.ts';
import { parseUint } from './number.ts';
import { parsePorts } from './port-text.ts';
import { type Action, ADD, type IpSet } from './set.ts';
import { HASH_TYPES } from './types/index.ts';
import { MAX_TIMEOUT, type Values } from './values.ts';
import type { Word } from './words.ts';

type Fail = (message: string, word: Word) => never;

const MAX_COMMENT = 255;
const MARK = /^0x([\da-f]+)(?:\/0x([\da-f]+))?/i;
const PRIORITY = /^([\da-f]+):([\da-f]+)/i;

/** The element without options. @throws through `fail` */
function parseBody(word: Word, set: IpSet, fail: Fail): Entry {
  const failHere = (message: string): never => fail(message, word);
  const { type, family } = set.config;
  const { text } = word;
  const hash = HASH_TYPES.get(type);
  if (hash !== undefined) return parseElement(text, hash, family === 'inet6' ? 4 : 1, failHere);
  switch (type) {
    case 'bitmap:ip':
      return { ...EMPTY_ENTRY, text, addresses: [parseAddress(text, { words: 1, cidr: true, range: true }, failHere)] };
    case 'bitmap:ip,mac':
      return parseIpMac(text, failHere);
    case 'bitmap:port':
      return { ...EMPTY_ENTRY, text, ports: parsePorts(text.replace(/^[a-z]+:/, ''), failHere) };
    default:
      return { ...EMPTY_ENTRY, text, set: text };
  }
}

function parseIpMac(text: string, fail: (message: string) => never): Entry {
  const [ip, mac, ...more] = text.split(',');
  if (more.length > 0) fail(`${text}, expected an address and perhaps a MAC address`);
  const address = parseAddress(ip!, { words: 1, cidr: false, range: false }, fail);
  return { ...EMPTY_ENTRY, text, addresses: [address], mac: mac === undefined ? null : parseMacPair(mac, fail) };
}

/** Read what stands behind `add NAME`; options go into `values`. @throws through `fail` */
export function parseEntry(action: Action, words: readonly Word[], set: IpSet, values: Values, fail: Fail): Entry {
  const [body, ...options] = words as [Word, ...Word[]];
  let entry = parseBody(body, set, fail);
  values.clear();
  for (let i = 0; i < options.length; i++) {
    const option = options[i]!;
    const name = option.text.replace(/^--?/, '');
    if (name === 'nomatch' && set.hasNomatch) entry = { ...entry, nomatch: true };
    else if (name === 'wildcard' && set.config.type === 'hash:net,iface') entry = { ...entry, wildcard: true };
    else {
      const value = options[++i];
      if (value === undefined)
        return fail(`${name} without a value or no option, expected an option and its value`, option);
      if (name === 'before' || name === 'after') entry = besideOf(entry, set, name, option, value, fail);
      else readValue(action, name, set, values, option, value, fail);
    }
  }
  return entry;
}

function besideOf(entry: Entry, set: IpSet, place: 'before' | 'after', option: Word, value: Word, fail: Fail): Entry {
  if (set.config.type !== 'list:set')
    return fail(`${place} in a set of type ${set.config.type}, expected list:set`, option);
  if (entry.beside !== null) return fail(`${place} a second time, expected one place`, option);
  return { ...entry, beside: { place, set: value.text } };
}

function readValue(
  action: Action,
  name: string,
  { config }: IpSet,
  values: Values,
  option: Word,
  value: Word,
  fail: Fail,
): void {
  const { text } = value;
  const need = (has: boolean, what: string): void => {
    if (!has) fail(`${name} in a set without ${what}, expected it created with ${what}`, option);
  };
  const uint = (max: number): number => parseUint(text, max) ?? fail(`${name} ${text}, expected 0 to ${max}`, value);
  if (action !== ADD) fail(`${name}, expected it with add only`, option);
  switch (name) {
    case 'timeout':
      need(config.timeout !== null, 'timeout');
      values.timeout = uint(MAX_TIMEOUT);
      break;
    case 'packets':
    case 'bytes':
      need(config.counters, 'counters');
      values[name] = uint(Number.MAX_SAFE_INTEGER);
      break;
    case 'comment':
      need(config.comment, 'comment');
      if (text === '' || text.length > MAX_COMMENT || text.includes('"'))
        fail(`comment of ${text.length} characters, expected 1 to ${MAX_COMMENT} without quotes`, value);
      values.comment = text;
      break;
    case 'skbmark':
    case 'skbprio':
    case 'skbqueue':
      need(config.skbinfo, 'skbinfo');
      readSkbinfo(name, values, value, fail);
      break;
    default:
      fail(`option ${option.text}, expected one of the set's type`, option);
  }
}

const bits32 = (hex: string): number => Math.min(0xffff_ffff, Number.parseInt(hex, 16)) | 0;

function readSkbinfo(name: 'skbmark' | 'skbprio' | 'skbqueue', values: Values, word: Word, fail: Fail): void {
  const { text } = word;
  if (name === 'skbqueue') {
    values.queue = parseUint(text, 65_535) ?? fail(`skbqueue ${text}, expected 0 to 65535`, word);
    return;
  }
  const match = (name === 'skbmark' ? MARK : PRIORITY).exec(text);
  if (match === null) fail(`${name} ${text}, expected ${name === 'skbmark' ? '0xMARK/0xMASK' : 'MAJOR:MINOR'}`, word);
  if (name === 'skbmark') {
    values.mark = bits32(match[1]!);
    values.markMask = match[2] === undefined ? -1 : bits32(match[2]);
  } else {
    values.priority = (Math.min(0xffff, bits32(match[1]!) >>> 0) << 16) | (bits32(match[2]!) & 0xffff);
  }
}
