/** `-m devgroup`: the group of a device, net/netfilter/xt_devgroup.c. Every device is in group 0 here. @module */
import type { Given, Match } from '../extension.ts';
import { formatNamed, type NamedValue, parseNamed } from '../named-value.ts';
import { bang } from '../number.ts';

/** /etc/iproute2/group. */
const NAMES: ReadonlyMap<string, number> = new Map([['default', 0]]);
const SIDES = ['src-group', 'dst-group'] as const;

interface GroupTest extends NamedValue {
  readonly invert: boolean;
}

export interface Devgroup {
  readonly src: GroupTest | null;
  readonly dst: GroupTest | null;
}

const parseGroup = (given: Given, option: string): GroupTest | null =>
  given.has(option) ? { ...parseNamed(given, option, NAMES), invert: given.inverted(option) } : null;

/** Group 0 under the mask. */
const holds = (test: GroupTest | null): boolean => test === null || ((test.value & test.mask) === 0) !== test.invert;

export const devgroup: Match<Devgroup> = {
  name: 'devgroup',
  options: SIDES.map((name) => ({ name, invert: true })),
  parse(given) {
    const [src, dst] = [parseGroup(given, 'src-group'), parseGroup(given, 'dst-group')];
    if (src === null && dst === null) given.fail('no option, expected --src-group or --dst-group');
    if (dst !== null && (given.chain === 'INPUT' || given.chain === 'PREROUTING'))
      given.fail(`--dst-group in ${given.chain}, expected FORWARD, OUTPUT or POSTROUTING`, 'dst-group');
    if (src !== null && (given.chain === 'OUTPUT' || given.chain === 'POSTROUTING'))
      given.fail(`--src-group in ${given.chain}, expected PREROUTING, INPUT or FORWARD`, 'src-group');
    return { src, dst };
  },
  format({ src, dst }) {
    const word = (test: GroupTest | null, i: 0 | 1) =>
      test === null ? [] : [`${bang(test.invert)}--${SIDES[i]} ${formatNamed(test, NAMES)}`];
    return [...word(src, 0), ...word(dst, 1)].join(' ');
  },
  compile: ({ src, dst }) => [Number(holds(src) && holds(dst))],
  test: (args, at) => args[at] === 1,
};
