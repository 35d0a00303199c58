/**
 * `-m policy`: the IPsec transformations that a packet went through or will, net/netfilter/xt_policy.c. There is no IPsec
 * here: a packet matches `--pol none` and nothing else. @module
 */
import type { Given, Match } from '../extension.ts';
import { formatElement, POLICY_FIELDS, type PolicyElement, parseElement } from '../policy-element.ts';

const MAX_ELEMENTS = 4;
/** Hooks at which the way in, or out, is not known. */
const WRONG_CHAINS = { in: ['OUTPUT', 'POSTROUTING'], out: ['PREROUTING', 'INPUT'] } as const;

export interface Policy {
  readonly direction: 'in' | 'out';
  readonly none: boolean;
  /** All transformations are listed, in this order. */
  readonly strict: boolean;
  readonly elements: readonly PolicyElement[];
}

function parseElements(given: Given): PolicyElement[] {
  const groups: ReturnType<Given['inOrder']>[number][][] = [[]];
  for (const use of given.inOrder()) {
    if (use.name === 'next') groups.push([]);
    else groups.at(-1)!.push(use);
  }
  if (groups.length > MAX_ELEMENTS) given.fail(`${groups.length} elements, expected at most ${MAX_ELEMENTS}`, 'next');
  return groups.map((uses) => parseElement(given, uses));
}

export const policy: Match<Policy> = {
  name: 'policy',
  options: [
    { name: 'dir', required: true },
    { name: 'pol' },
    { name: 'strict', words: 0 },
    { name: 'next', words: 0, multiple: true },
    ...POLICY_FIELDS.map((name) => ({ name, invert: true, multiple: true })),
  ],
  parse(given) {
    const direction = given.text('dir');
    if (direction !== 'in' && direction !== 'out') return given.fail(`${direction}, expected in or out`, 'dir');
    if ((WRONG_CHAINS[direction] as readonly string[]).includes(given.chain))
      given.fail(`--dir ${direction} in ${given.chain}, expected the other direction`, 'dir');
    const pol = given.has('pol') ? given.text('pol') : 'ipsec';
    if (pol !== 'none' && pol !== 'ipsec') given.fail(`${pol}, expected none or ipsec`, 'pol');
    const strict = given.has('strict');
    if (given.has('next') && !strict) given.fail('--next alone, expected --strict with it', 'next');
    const elements = pol === 'none' ? [] : parseElements(given);
    if (strict && elements.some((element) => element.length === 0))
      given.fail('an element without a test, expected one of each with --strict', 'strict');
    return { direction, none: pol === 'none', strict, elements };
  },
  format({ direction, none, strict, elements }) {
    const head = `--dir ${direction} --pol ${none ? 'none' : 'ipsec'}${strict ? ' --strict' : ''}`;
    const tests = elements.map(formatElement).join(' --next ');
    return tests === '' ? head : `${head} ${tests}`;
  },
  compile: ({ none }) => [Number(none)],
  test: (args, at) => args[at] === 1,
};
