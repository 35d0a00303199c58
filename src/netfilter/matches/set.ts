/** `-m set`: is the packet's address (port, device) in an ipset; net/netfilter/xt_set.c. Sets themselves are in ipset/. @module */
import * as request from '../../ipset/request.ts';
import type { Evaluation, Given, Match } from '../extension.ts';
import { bang, oneOf } from '../number.ts';
import { MAX_DIMENSIONS, MAX_SET_NAME, RuleSet } from '../rule-set.ts';

/** A counter of the element against a number. */
export interface CounterTest {
  readonly test: 'eq' | 'lt' | 'gt';
  readonly value: number;
  readonly invert: boolean;
}

export interface SetMatch {
  readonly set: string;
  readonly dimensions: readonly ('src' | 'dst')[];
  readonly invert: boolean;
  readonly returnNomatch: boolean;
  readonly updateCounters: boolean;
  readonly updateSubcounters: boolean;
  readonly packets: CounterTest | null;
  readonly bytes: CounterTest | null;
}

const [RULE_SET, INVERT] = [0, 1] as const;

const counterOp = ({ test, invert }: CounterTest): number => {
  if (test === 'eq') return invert ? request.COUNTER_NE : request.COUNTER_EQ;
  return test === 'lt' ? request.COUNTER_LT : request.COUNTER_GT;
};

function makeRuleSet(options: SetMatch, scope: Evaluation): RuleSet {
  const { packets, bytes } = options;
  let flags = options.returnNomatch ? request.FLAG_RETURN_NOMATCH : 0;
  if (!options.updateCounters) flags |= request.FLAG_SKIP_COUNTERS;
  if (!options.updateSubcounters) flags |= request.FLAG_SKIP_SUBCOUNTERS;
  if (packets !== null || bytes !== null) flags |= request.FLAG_MATCH_COUNTERS;
  const rule = new RuleSet(scope, options.set, options.dimensions, flags);
  rule.request.packetsTest = packets === null ? request.COUNTER_NONE : counterOp(packets);
  rule.request.packets = packets?.value ?? 0;
  rule.request.bytesTest = bytes === null ? request.COUNTER_NONE : counterOp(bytes);
  rule.request.bytes = bytes?.value ?? 0;
  return rule;
}

function parseDimensions(given: Given): ('src' | 'dst')[] {
  const words = given.text('match-set', 1).split(',');
  if (words.length > MAX_DIMENSIONS)
    given.fail(`${words.length} directions, expected at most ${MAX_DIMENSIONS}`, 'match-set');
  return words.map((word) => {
    if (word !== 'src' && word !== 'dst') return given.fail(`direction ${word}, expected src or dst`, 'match-set');
    return word;
  });
}

function parseCounter(given: Given, counter: 'packets' | 'bytes'): CounterTest | null {
  const option = oneOf(given, [`${counter}-eq`, `${counter}-lt`, `${counter}-gt`]);
  if (option === undefined) return null;
  const test = option.slice(counter.length + 1) as CounterTest['test'];
  return { test, value: given.uint(option, Number.MAX_SAFE_INTEGER), invert: given.inverted(option) };
}

const formatCounter = (counter: string, test: CounterTest | null): string[] =>
  test === null ? [] : [`${bang(test.invert)}--${counter}-${test.test} ${test.value}`];

export const set: Match<SetMatch> = {
  name: 'set',
  stateful: true,
  options: [
    { name: 'match-set', aliases: ['set'], words: 2, invert: true, required: true },
    { name: 'return-nomatch', words: 0 },
    { name: 'update-counters', words: 0, invert: true },
    { name: 'update-subcounters', words: 0, invert: true },
    { name: 'packets-eq', invert: true },
    { name: 'packets-lt' },
    { name: 'packets-gt' },
    { name: 'bytes-eq', invert: true },
    { name: 'bytes-lt' },
    { name: 'bytes-gt' },
  ],
  parse(given) {
    const name = given.text('match-set');
    if (name === '' || name.length > MAX_SET_NAME)
      given.fail(`set name ${name}, expected 1 to ${MAX_SET_NAME} characters`, 'match-set');
    return {
      set: name,
      dimensions: parseDimensions(given),
      invert: given.inverted('match-set'),
      returnNomatch: given.has('return-nomatch'),
      updateCounters: !given.inverted('update-counters'),
      updateSubcounters: !given.inverted('update-subcounters'),
      packets: parseCounter(given, 'packets'),
      bytes: parseCounter(given, 'bytes'),
    };
  },
  sets: ({ set: name }) => [name],
  format(options) {
    const words = [`${bang(options.invert)}--match-set ${options.set} ${options.dimensions.join(',')}`];
    if (options.returnNomatch) words.push('--return-nomatch');
    if (!options.updateCounters) words.push('! --update-counters');
    if (!options.updateSubcounters) words.push('! --update-subcounters');
    words.push(...formatCounter('packets', options.packets), ...formatCounter('bytes', options.bytes));
    return words.join(' ');
  },
  compile: (options, to) => [to.object((scope) => makeRuleSet(options, scope)), Number(options.invert)],
  test(args, at, pkt, scope) {
    const rule = scope.objects[args[at + RULE_SET]!] as RuleSet;
    return rule.test(pkt, scope) !== (args[at + INVERT] === 1);
  },
};
