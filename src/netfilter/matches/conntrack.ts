/** `-m conntrack`: a packet's relation to its connection, and what the connection is; net/netfilter/xt_conntrack.c. @module */
import {
  direction,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_DST_NAT,
  IPS_EXPECTED,
  IPS_SEEN_REPLY,
  IPS_SRC_NAT,
  ORIGINAL,
  REPLY,
  STATE_DNAT,
  STATE_SNAT,
} from '../../conntrack/status.ts';
import { Tuple } from '../../conntrack/tuple.ts';
import type { Packet } from '../../packet/packet.ts';
import { protocolNumber } from '../../packet/protocols.ts';
import { SECOND } from '../../sim/clock.ts';
import type { Evaluation, Family, Given, Match, OptionSpec } from '../extension.ts';
import { formatMasked, type MaskedAddress, maskWords, parseMasked } from '../masked-address.ts';
import { bang, formatRange, uintRange } from '../number.ts';
import { type BitNames, formatBits, parseBits, STATES_AND_NAT } from '../state-list.ts';

/** A test that may be inverted. */
interface Inverted<T> {
  readonly is: T;
  readonly invert: boolean;
}

const ADDRESSES = ['ctorigsrc', 'ctorigdst', 'ctreplsrc', 'ctrepldst'] as const;
const PORTS = ['ctorigsrcport', 'ctorigdstport', 'ctreplsrcport', 'ctrepldstport'] as const;
type AddressOption = (typeof ADDRESSES)[number];
type PortOption = (typeof PORTS)[number];

/** Absent: not tested. */
export interface ConntrackTest {
  /** STATE_*. */
  readonly ctstate?: Inverted<number>;
  readonly ctproto?: Inverted<number>;
  readonly addresses: Readonly<Partial<Record<AddressOption, Inverted<MaskedAddress>>>>;
  readonly ports: Readonly<Partial<Record<PortOption, Inverted<readonly [number, number]>>>>;
  /** IPS_*. */
  readonly ctstatus?: Inverted<number>;
  /** Seconds left, both bounds in it. */
  readonly ctexpire?: Inverted<readonly [number, number]>;
  readonly ctdir?: 'ORIGINAL' | 'REPLY';
}

/** NONE has no bit: it is printed when nothing else is, and is true of no connection. */
const STATUSES: BitNames = [
  ['NONE', 0],
  ['EXPECTED', IPS_EXPECTED],
  ['SEEN_REPLY', IPS_SEEN_REPLY],
  ['ASSURED', IPS_ASSURED],
  ['CONFIRMED', IPS_CONFIRMED],
];

const OPTIONS: readonly OptionSpec[] = [
  { name: 'ctstate', invert: true },
  { name: 'ctproto', invert: true },
  ...ADDRESSES.map((name) => ({ name, invert: true })),
  ...PORTS.map((name) => ({ name, invert: true })),
  { name: 'ctstatus', invert: true },
  { name: 'ctexpire', invert: true },
  { name: 'ctdir' },
];

function parseProtocol(given: Given): number {
  const text = given.text('ctproto');
  return protocolNumber(text) ?? given.fail(`unknown protocol ${text}`, 'ctproto');
}

function parseDirection(given: Given): 'ORIGINAL' | 'REPLY' {
  const text = given.text('ctdir').toUpperCase();
  if (text !== 'ORIGINAL' && text !== 'REPLY') return given.fail(`${text}, expected ORIGINAL or REPLY`, 'ctdir');
  return text;
}

/** Those of `names` that were given, each as `parse` reads it. */
function parseEach<K extends string, T>(
  given: Given,
  names: readonly K[],
  parse: (name: K) => T,
): Partial<Record<K, Inverted<T>>> {
  const found: Partial<Record<K, Inverted<T>>> = {};
  for (const name of names) {
    if (given.has(name)) found[name] = { is: parse(name), invert: given.inverted(name) };
  }
  return found;
}

const formatOne = (option: string, test: Inverted<string> | undefined): string =>
  test === undefined ? '' : `${bang(test.invert)}--${option} ${test.is}`;

function map<T>(test: Inverted<T> | undefined, print: (value: T) => string): Inverted<string> | undefined {
  return test === undefined ? undefined : { is: print(test.is), invert: test.invert };
}

export const conntrack: Match<ConntrackTest> = {
  name: 'conntrack',
  needsConntrack: true,
  options: OPTIONS,
  parse(given) {
    if (!OPTIONS.some(({ name }) => given.has(name))) given.fail('conntrack without options, expected at least one');
    return {
      ...parseEach(given, ['ctstate'], (name) => parseBits(given, name, STATES_AND_NAT)),
      ...parseEach(given, ['ctproto'], () => parseProtocol(given)),
      addresses: parseEach(given, ADDRESSES, (name) => parseMasked(given, name)),
      ports: parseEach(given, PORTS, (name) => given.portRange(name)),
      ...parseEach(given, ['ctstatus'], (name) => parseBits(given, name, STATUSES)),
      ...parseEach(given, ['ctexpire'], (name) => uintRange(given, name, 0xffffffff)),
      ...(given.has('ctdir') ? { ctdir: parseDirection(given) } : {}),
    };
  },
  format({ ctstate, ctproto, addresses, ports, ctstatus, ctexpire, ctdir }) {
    const words = [
      formatOne(
        'ctstate',
        map(ctstate, (bits) => formatBits(bits, STATES_AND_NAT)),
      ),
      formatOne('ctproto', map(ctproto, String)),
      ...ADDRESSES.map((name) => formatOne(name, map(addresses[name], formatMasked))),
      ...PORTS.map((name) => formatOne(name, map(ports[name], formatRange))),
      formatOne(
        'ctstatus',
        map(ctstatus, (bits) => formatBits(bits, STATUSES) || 'NONE'),
      ),
      formatOne('ctexpire', map(ctexpire, formatRange)),
      ctdir === undefined ? '' : `--ctdir ${ctdir}`,
    ];
    return words.filter((word) => word !== '').join(' ');
  },
  compile: (options, to) => compileTest(options, to.family),
  test: testConntrack,
};

/** Places of the integers: which tests there are and which are inverted (bits below), then their operands. */
const [TESTS, INVERT, STATE, STATUS, PROTOCOL, EXPIRE_MIN, EXPIRE_MAX, DIRECTION, PORT, ADDRESS] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 16,
] as const;

const TEST_STATE = 1;
const TEST_PROTOCOL = 2;
const TEST_STATUS = 4;
const TEST_EXPIRE = 8;
const TEST_DIRECTION = 16;
/** Four bits each, in the order of ADDRESSES and PORTS. */
const TEST_ADDRESS = 32;
const TEST_PORT = 512;
const TEST_ADDRESSES: number = 15 * TEST_ADDRESS;
const TEST_PORTS: number = 15 * TEST_PORT;

function compileTest(options: ConntrackTest, family: Family): number[] {
  const { ctstate, ctproto, addresses, ports, ctstatus, ctexpire, ctdir } = options;
  const args = new Array<number>(ADDRESS).fill(0);
  const add = (bit: number, test: Inverted<unknown> | undefined): void => {
    if (test === undefined) return;
    args[TESTS]! |= bit;
    if (test.invert) args[INVERT]! |= bit;
  };
  add(TEST_STATE, ctstate);
  add(TEST_PROTOCOL, ctproto);
  add(TEST_STATUS, ctstatus);
  add(TEST_EXPIRE, ctexpire);
  if (ctdir !== undefined) args[TESTS]! |= TEST_DIRECTION;
  args[STATE] = ctstate?.is ?? 0;
  args[STATUS] = ctstatus?.is ?? 0;
  args[PROTOCOL] = ctproto?.is ?? 0;
  args[EXPIRE_MIN] = (ctexpire?.is[0] ?? 0) | 0;
  args[EXPIRE_MAX] = (ctexpire?.is[1] ?? 0) | 0;
  args[DIRECTION] = ctdir === 'REPLY' ? REPLY : ORIGINAL;
  PORTS.forEach((name, i) => {
    add(TEST_PORT << i, ports[name]);
    args[PORT + 2 * i] = ports[name]?.is[0] ?? 0;
    args[PORT + 2 * i + 1] = ports[name]?.is[1] ?? 0;
  });
  ADDRESSES.forEach((name, i) => {
    add(TEST_ADDRESS << i, addresses[name]);
    args.push(...addressWords(addresses[name]?.is, family));
  });
  return args;
}

/** Words of the address and of the mask. */
function addressWords(address: MaskedAddress | undefined, family: Family): readonly number[] {
  if (address === undefined) return new Array<number>(family === 'ipv4' ? 2 : 8).fill(0);
  const mask = maskWords(address);
  return [...address.words.map((word, i) => word & mask[i]!), ...mask];
}

/** Runs per packet: no allocation. */
function testConntrack(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  const tests = args[at + TESTS]!;
  if ((tests & TEST_STATE) !== 0 && !testState(args, at, pkt, scope)) return false;
  if (pkt.ct < 0) return (tests & TEST_STATE) !== 0;
  const { table } = scope.conntrack;
  const invert = args[at + INVERT]!;
  if ((tests & TEST_DIRECTION) !== 0 && direction(pkt.ctInfo) !== args[at + DIRECTION]) return false;
  if ((tests & TEST_ADDRESSES) !== 0 && !testAddresses(args, at, pkt.ct, scope)) return false;
  if ((tests & TEST_PROTOCOL) !== 0) {
    if ((table.protocol[pkt.ct] === args[at + PROTOCOL]) === ((invert & TEST_PROTOCOL) !== 0)) return false;
  }
  if ((tests & TEST_PORTS) !== 0 && !testPorts(args, at, pkt.ct, scope)) return false;
  if ((tests & TEST_STATUS) !== 0) {
    const has = (table.status[pkt.ct]! & args[at + STATUS]!) !== 0;
    if (has === ((invert & TEST_STATUS) !== 0)) return false;
  }
  return (tests & TEST_EXPIRE) === 0 || testExpire(args, at, pkt.ct, scope);
}

function testState(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  let bits = scope.conntrack.stateBit(pkt);
  if (pkt.ct >= 0) {
    const status = scope.conntrack.table.status[pkt.ct]!;
    if ((status & IPS_SRC_NAT) !== 0) bits |= STATE_SNAT;
    if ((status & IPS_DST_NAT) !== 0) bits |= STATE_DNAT;
  }
  return ((args[at + STATE]! & bits) !== 0) !== ((args[at + INVERT]! & TEST_STATE) !== 0);
}

function testExpire(args: Int32Array, at: number, ct: number, scope: Evaluation): boolean {
  const left = Math.floor(scope.conntrack.expires(ct) / SECOND);
  const within = left >= args[at + EXPIRE_MIN]! >>> 0 && left <= args[at + EXPIRE_MAX]! >>> 0;
  return within !== ((args[at + INVERT]! & TEST_EXPIRE) !== 0);
}

function testPorts(args: Int32Array, at: number, ct: number, scope: Evaluation): boolean {
  const { ports } = scope.conntrack.table;
  for (let i = 0; i < 4; i++) {
    const bit = TEST_PORT << i;
    if ((args[at + TESTS]! & bit) === 0) continue;
    const both = ports[2 * ct + (i >> 1)]!;
    const port = (i & 1) === 0 ? both >>> 16 : both & 0xffff;
    const within = port >= args[at + PORT + 2 * i]! && port <= args[at + PORT + 2 * i + 1]!;
    if (within === ((args[at + INVERT]! & bit) !== 0)) return false;
  }
  return true;
}

const tuple = new Tuple();

function testAddresses(args: Int32Array, at: number, ct: number, scope: Evaluation): boolean {
  const words = scope.family === 'ipv4' ? 1 : 4;
  for (let i = 0; i < 4; i++) {
    const bit = TEST_ADDRESS << i;
    if ((args[at + TESTS]! & bit) === 0) continue;
    scope.conntrack.table.getTuple(ct, i >> 1, tuple);
    const low = (i & 1) === 0 ? tuple.src : tuple.dst;
    const high = (i & 1) === 0 ? tuple.srcHigh : tuple.dstHigh;
    const operand = at + ADDRESS + 2 * words * i;
    let same = true;
    for (let j = 0; j < words; j++) {
      const word = j === words - 1 ? low : high[j]!;
      if ((word & args[operand + words + j]!) !== args[operand + j]) same = false;
    }
    if (same === ((args[at + INVERT]! & bit) !== 0)) return false;
  }
  return true;
}
