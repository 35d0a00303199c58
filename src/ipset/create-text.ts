/** The options of a `create` line: which a type has, and their values. lib/ipset_*.c and lib/parse.c of ipset. @module */
import { format4 } from '../packet/address.ts';
import { parseWords } from './address.ts';
import { parseAddress } from './element-text.ts';
import type { AddressRange } from './entry.ts';
import { MAX_BUCKET, STEP } from './hash-table.ts';
import { parseUint } from './number.ts';
import { parsePorts } from './port-text.ts';
import type { SetConfig, SetFamily } from './set.ts';
import { HASH_TYPES } from './types/index.ts';
import { MAX_TIMEOUT } from './values.ts';
import type { Word } from './words.ts';

type Fail = (message: string, word: Word) => never;

const FLAGS = ['counters', 'comment', 'skbinfo', 'forceadd'] as const;
const COMMON = ['timeout', 'counters', 'comment', 'skbinfo'] as const;
const HASH = ['family', 'hashsize', 'maxelem', 'bucketsize', 'initval', 'forceadd', ...COMMON] as const;

/** Options by type, beside those of the hash types themselves. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'bitmap:ip': ['range', 'netmask', ...COMMON],
  'bitmap:ip,mac': ['range', ...COMMON],
  'bitmap:port': ['range', ...COMMON],
  'list:set': ['size', ...COMMON],
};

/** Names that types had, and have still. */
const ALIASES: Readonly<Record<string, string>> = {
  iphash: 'hash:ip',
  nethash: 'hash:net',
  ipporthash: 'hash:ip,port',
  ipportiphash: 'hash:ip,port,ip',
  ipportnethash: 'hash:ip,port,net',
  netporthash: 'hash:net,port',
  netifacehash: 'hash:net,iface',
  ipmarkhash: 'hash:ip,mark',
  macipmap: 'bitmap:ip,mac',
  ipmap: 'bitmap:ip',
  portmap: 'bitmap:port',
  setlist: 'list:set',
};

/** Taken, and without meaning. */
const IGNORED = ['resize', 'probes', 'gc'];
const MAX_HASHSIZE = 2 ** 26;
const MAX_PLACES = 65_536;

/** Options given so far, each with its value's word. */
class Options {
  private readonly given: Map<string, Word> = new Map();
  private readonly fail: Fail;

  constructor(fail: Fail) {
    this.fail = fail;
  }

  add(name: string, option: Word, value: Word): void {
    const again = this.given.has(name) && !(FLAGS as readonly string[]).includes(name);
    if (again) this.fail(`${name} a second time, expected it once`, option);
    this.given.set(name, value);
  }

  has(name: string): boolean {
    return this.given.has(name);
  }

  word(name: string): Word | undefined {
    return this.given.get(name);
  }

  uint(name: string, or: number, max: number): number {
    const word = this.given.get(name);
    if (word === undefined) return or;
    return parseUint(word.text, max) ?? this.fail(`${name} ${word.text}, expected 0 to ${max}`, word);
  }
}

/** Read the words behind `create NAME TYPE`. @throws through `fail` */
export function parseCreate(type: Word, words: readonly Word[], fail: Fail): SetConfig {
  const name = ALIASES[type.text] ?? type.text;
  const hash = HASH_TYPES.get(name);
  const known = hash === undefined ? OPTIONS[name] : [...HASH, ...(hash.options ?? [])];
  if (known === undefined) return fail(`set type ${type.text}, expected one such as hash:ip`, type);
  const options = readOptions(words, known, fail);
  const family = name.startsWith('bitmap:ip')
    ? 'inet'
    : name === 'hash:mac' || hash === undefined
      ? 'unspec'
      : parseFamily(options, fail);
  const n = family === 'inet6' ? 4 : 1;
  const config: SetConfig = {
    type: name,
    family,
    hashsize: Math.max(64, options.uint('hashsize', 1024, MAX_HASHSIZE)),
    maxelem: options.uint('maxelem', 65_536, 0xffff_ffff),
    bucketsize: bucketSize(options.uint('bucketsize', MAX_BUCKET, 255)),
    initval: options.has('initval') ? options.uint('initval', 0, 0xffff_ffff) | 0 : null,
    netmask: parseNetmask(options, 32 * n, fail),
    bitmask: parseBitmask(options, n, fail),
    markmask: options.uint('markmask', 0xffff_ffff, 0xffff_ffff),
    timeout: options.has('timeout') ? options.uint('timeout', 0, MAX_TIMEOUT) : null,
    counters: options.has('counters'),
    comment: options.has('comment'),
    skbinfo: options.has('skbinfo'),
    forceadd: options.has('forceadd'),
    range: [0, 0],
    size: options.uint('size', 8, 0xffff_ffff),
  };
  return name.startsWith('bitmap:') ? { ...config, range: parseRange(config, options, type, fail) } : config;
}

function readOptions(words: readonly Word[], known: readonly string[], fail: Fail): Options {
  const options = new Options(fail);
  for (let i = 0; i < words.length; i++) {
    const option = words[i]!;
    const name = option.text.replace(/^--?/, '');
    if (name === '4' || name === '6') {
      options.add('family', option, { ...option, text: name === '4' ? 'inet' : 'inet6' });
      continue;
    }
    const ignored = IGNORED.includes(name);
    const legacy = known.includes('range') && ['from', 'to', 'network'].includes(name);
    if (!known.includes(name) && !ignored && !legacy)
      fail(`option ${option.text}, expected one of ${known.join(', ')}`, option);
    const flag = (FLAGS as readonly string[]).includes(name);
    const value = flag ? option : words[++i];
    if (value === undefined) return fail(`${name} without a value, expected one`, option);
    if (!ignored) options.add(name === 'network' ? 'range' : name, option, value);
  }
  return options;
}

function parseFamily(options: Options, fail: Fail): SetFamily {
  const word = options.word('family');
  if (word === undefined || word.text === 'inet' || word.text === 'ipv4' || word.text === '-4') return 'inet';
  if (word.text === 'inet6' || word.text === 'ipv6' || word.text === '-6') return 'inet6';
  return fail(`family ${word.text}, expected inet or inet6`, word);
}

/** Between 2 and 12, and even. */
function bucketSize(given: number): number {
  const size = Math.min(MAX_BUCKET, Math.max(STEP, given));
  return size + (size % 2);
}

function parseNetmask(options: Options, host: number, fail: Fail): number | null {
  const word = options.word('netmask');
  if (word === undefined) return null;
  const length = parseUint(word.text, host);
  if (length === undefined || length === 0) return fail(`netmask ${word.text}, expected 1 to ${host}`, word);
  return length === host ? null : length;
}

function parseBitmask(options: Options, n: number, fail: Fail): readonly number[] | null {
  const word = options.word('bitmask');
  if (word === undefined) return null;
  if (options.has('netmask')) fail('bitmask beside netmask, expected one of them', word);
  const mask = parseWords(word.text, n);
  if (mask === undefined || mask.every((bits) => bits === 0))
    return fail(`bitmask ${word.text}, expected an address`, word);
  return mask.every((bits) => bits === -1) ? null : mask;
}

/** `range a-b`, `range net/len`, or `from a to b`: first and last, ascending. */
function parseRange(config: SetConfig, options: Options, type: Word, fail: Fail): readonly [number, number] {
  const word = options.word('range');
  const from = options.word('from');
  const to = options.word('to');
  if (word === undefined && (from === undefined || to === undefined))
    return fail(`${config.type} without a range, expected range and two values`, type);
  const whole = word ?? { ...from!, text: `${from!.text}-${to!.text}` };
  const failHere = (message: string): never => fail(message, whole);
  if (config.type === 'bitmap:port') return parsePorts(whole.text.replace(/^[a-z]+:/, ''), failHere);
  const range = parseAddress(whole.text, { words: 1, cidr: true, range: true }, failHere);
  if (range.to === null && !whole.text.includes('/')) failHere(`${whole.text}, expected a range or a network`);
  return addressRange(range, config, failHere);
}

function addressRange(
  { words, cidr, to }: AddressRange,
  config: SetConfig,
  fail: (message: string) => never,
): readonly [number, number] {
  const size = 2 ** (32 - cidr);
  const start = to === null ? Math.floor((words[0]! >>> 0) / size) * size : words[0]! >>> 0;
  const end = to ?? start + size - 1;
  const from = Math.min(start, end);
  const last = Math.max(start, end);
  const hosts = 2 ** (32 - (config.netmask ?? 32));
  if (hosts > 1 && !isNetwork(Math.floor(from / hosts), Math.floor(last / hosts)))
    fail(`${format4(from)}-${format4(last)}, expected a range that begins a network of several elements`);
  if (Math.floor(last / hosts) - Math.floor(from / hosts) >= MAX_PLACES) {
    fail(`a range of more than ${MAX_PLACES} elements, expected a smaller one`);
  }
  return [from, last];
}

/** Is `last` in a network of two numbers or more that begins with `from`? range_to_mask of ip_set_bitmap.h */
function isNetwork(from: number, last: number): boolean {
  for (let size = 2; size <= 2 ** 32; size *= 2) if (Math.floor(last / size) * size === from) return true;
  return false;
}
