/** `-m statistic`: some of the packets, by chance or every n-th; net/netfilter/xt_statistic.c. @module */
import type { Given, Match } from '../extension.ts';
import { bang } from '../number.ts';

export type Statistic =
  /** `probability` in 1 / 2^31. */
  | { readonly mode: 'random'; readonly probability: number; readonly invert: boolean }
  /** Packet `packet` of each `every`. */
  | { readonly mode: 'nth'; readonly every: number; readonly packet: number; readonly invert: boolean };

const ONE = 0x80000000;
const [MODE, LIMIT, INVERT, COUNT] = [0, 1, 2, 3] as const;
const [RANDOM, NTH] = [0, 1] as const;

function parseRandom(given: Given): Statistic {
  const text = given.text('probability');
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    given.fail(`probability ${text}, expected 0 to 1`, 'probability');
  return { mode: 'random', probability: Math.round(value * ONE), invert: given.inverted('probability') };
}

function parseNth(given: Given): Statistic {
  if (!given.has('every')) given.fail('statistic --mode nth without --every, expected one');
  const every = given.uint('every', 0xffffffff, 1);
  const packet = given.has('packet') ? given.uint('packet') : 0;
  if (packet >= every) given.fail(`packet ${packet}, expected less than ${every}`, 'packet');
  return { mode: 'nth', every, packet, invert: given.inverted('every') };
}

export const statistic: Match<Statistic> = {
  name: 'statistic',
  stateful: true,
  options: [
    { name: 'mode', required: true },
    { name: 'probability', invert: true },
    { name: 'every', invert: true },
    { name: 'packet' },
  ],
  parse(given) {
    const mode = given.text('mode');
    if (mode === 'random') {
      if (!given.has('probability')) given.fail('statistic --mode random without --probability, expected one');
      return parseRandom(given);
    }
    if (mode !== 'nth') given.fail(`mode ${mode}, expected random or nth`, 'mode');
    return parseNth(given);
  },
  format(options) {
    const invert = bang(options.invert);
    if (options.mode === 'random')
      return `--mode random ${invert}--probability ${(options.probability / ONE).toFixed(11)}`;
    return `--mode nth ${invert}--every ${options.every} --packet ${options.packet}`;
  },
  compile(options, to) {
    const invert = Number(options.invert);
    if (options.mode === 'random') return [RANDOM, options.probability | 0, invert, 0];
    const last = options.every - 1;
    return [NTH, last | 0, invert, to.cells(last - options.packet)];
  },
  test(args, at, _pkt, scope) {
    const invert = args[at + INVERT] === 1;
    const limit = args[at + LIMIT]! >>> 0;
    if (args[at + MODE] === RANDOM) return (scope.ns.random.u32() & 0x7fffffff) < limit !== invert;
    const cell = args[at + COUNT]!;
    const count = scope.cells[cell]! === limit ? 0 : scope.cells[cell]! + 1;
    scope.cells[cell] = count;
    return (count === 0) !== invert;
  },
};
