/** `-m connbytes`: what a connection has carried so far; net/netfilter/xt_connbytes.c. @module */
import { IPS_ACCOUNTED, ORIGINAL, REPLY } from '../../conntrack/status.ts';
import type { Evaluation, Given, Match } from '../extension.ts';
import { bang } from '../number.ts';

const MODES = ['packets', 'bytes', 'avgpkt'] as const;
const DIRECTIONS = ['original', 'reply', 'both'] as const;
const MAX = 0xffff_ffff_ffff_ffffn;

export interface ConnbytesTest {
  /** Both bounds are in it. */
  readonly from: bigint;
  readonly to: bigint;
  readonly mode: (typeof MODES)[number];
  readonly direction: (typeof DIRECTIONS)[number];
  readonly invert: boolean;
}

function parseBounds(given: Given): readonly [bigint, bigint] {
  const text = given.text('connbytes');
  const match = /^(0x[\da-f]+|\d*)(:(0x[\da-f]+|\d*))?$/i.exec(text);
  if (match === null || text === '') return given.fail(`${text}, expected from or from:to`, 'connbytes');
  const from = BigInt(match[1] || 0);
  const to = match[3] ? BigInt(match[3]) : MAX;
  if (from > to || to > MAX) given.fail(`${text}, expected from <= to`, 'connbytes');
  return [from, to];
}

function parseChoice<T extends string>(given: Given, option: string, choices: readonly T[]): T {
  const choice = choices.find((name) => name === given.text(option));
  return choice ?? given.fail(`${given.text(option)}, expected one of ${choices.join(', ')}`, option);
}

/** The kernel takes bounds in the wrong order for an inverted test, so one that has them equal is not inverted. */
export const connbytes: Match<ConnbytesTest> = {
  name: 'connbytes',
  needsConntrack: true,
  options: [
    { name: 'connbytes', invert: true, required: true },
    { name: 'connbytes-dir', required: true },
    { name: 'connbytes-mode', required: true },
  ],
  parse(given) {
    const [from, to] = parseBounds(given);
    return {
      from,
      to,
      mode: parseChoice(given, 'connbytes-mode', MODES),
      direction: parseChoice(given, 'connbytes-dir', DIRECTIONS),
      invert: given.inverted('connbytes') && from !== to,
    };
  },
  format({ from, to, mode, direction, invert }) {
    const range = to !== 0n && to < MAX ? `${from}:${to}` : String(from);
    return `${bang(invert)}--connbytes ${range} --connbytes-mode ${mode} --connbytes-dir ${direction}`;
  },
  compile: ({ from, to, mode, direction, invert }, compiling) => [
    ...halves(from),
    ...halves(to),
    MODES.indexOf(mode),
    DIRECTIONS.indexOf(direction),
    Number(invert),
    compiling.object(forceAccounting),
  ],
  test(args, at, pkt, scope) {
    const { table } = scope.conntrack;
    if (pkt.ct < 0 || (table.status[pkt.ct]! & IPS_ACCOUNTED) === 0) return false;
    const value = measure(args[at + 4]!, args[at + 5]!, pkt.ct, scope);
    const from = join(args[at]!, args[at + 1]!);
    const to = join(args[at + 2]!, args[at + 3]!);
    return (value >= from && value <= to) !== (args[at + 6] === 1);
  },
};

const halves = (value: bigint): [number, number] => [Number(value >> 32n) | 0, Number(value & 0xffff_ffffn) | 0];

const join = (high: number, low: number): number => (high >>> 0) * 2 ** 32 + (low >>> 0);

/** Such a rule switches accounting on for connections to come. */
function forceAccounting(scope: Evaluation): object {
  scope.ns.sysctl.set('net.netfilter.nf_conntrack_acct', 1);
  return scope;
}

function measure(mode: number, direction: number, ct: number, scope: Evaluation): number {
  const { packets, bytes } = scope.conntrack.table;
  if (mode === 0) return total(packets, direction, ct);
  if (mode === 1) return total(bytes, direction, ct);
  const count = total(packets, direction, ct);
  return count === 0 ? 0 : Math.floor(total(bytes, direction, ct) / count);
}

function total(column: Uint32Array | Float64Array, direction: number, ct: number): number {
  const original = column[2 * ct + ORIGINAL]!;
  const reply = column[2 * ct + REPLY]!;
  if (direction === 0) return original;
  return direction === 1 ? reply : original + reply;
}
