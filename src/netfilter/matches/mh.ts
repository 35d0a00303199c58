/** `-m mh`: the type of a Mobile IPv6 message, net/ipv6/netfilter/ip6t_mh.c. @module */
import type { Given, Match } from '../extension.ts';
import { bang, boundedUint, formatRange } from '../number.ts';

const NAMES: readonly (readonly [string, number])[] = [
  ['binding-refresh-request', 0],
  ['brr', 0],
  ['home-test-init', 1],
  ['hoti', 1],
  ['careof-test-init', 2],
  ['coti', 2],
  ['home-test', 3],
  ['hot', 3],
  ['careof-test', 4],
  ['cot', 4],
  ['binding-update', 5],
  ['bu', 5],
  ['binding-acknowledgement', 6],
  ['ba', 6],
  ['binding-error', 7],
  ['be', 7],
];
const HEADER_LEN = 6;
const NO_NEXT_HEADER = 59;

export interface Mh {
  readonly range: readonly [number, number];
  readonly invert: boolean;
}

function typeOf(given: Given, word: string): number {
  const named = NAMES.filter(
    ([name]) => name === word.toLowerCase() || (word !== '' && name.startsWith(word.toLowerCase())),
  );
  const exact = named.find(([name]) => name === word.toLowerCase()) ?? named[0];
  return (
    exact?.[1] ?? boundedUint(word, 255) ?? given.fail(`${word}, expected an MH type 0-255 or its name`, 'mh-type')
  );
}

export const mh: Match<Mh> = {
  name: 'mh',
  families: ['ipv6'],
  protocols: [135],
  options: [{ name: 'mh-type', invert: true }],
  parse(given) {
    const [low = '', high = low, ...rest] = given.has('mh-type') ? given.text('mh-type').split(':') : ['', ''];
    const first = low === '' ? 0 : typeOf(given, low);
    const last = high === '' ? 255 : typeOf(given, high);
    if (rest.length > 0 || first > last)
      given.fail(`${given.text('mh-type')}, expected a range from low to high`, 'mh-type');
    return { range: [first, last], invert: given.inverted('mh-type') };
  },
  format: ({ range, invert }) =>
    range[0] === 0 && range[1] === 255 ? '' : `${bang(invert)}--mh-type ${formatRange(range)}`,
  compile: ({ range, invert }) => [...range, Number(invert)],
  test(args, at, pkt, scope) {
    if (scope.fragmentOffset !== 0) return false;
    const { view, l4, end } = pkt;
    if (l4 + HEADER_LEN > end || view.getUint8(l4) !== NO_NEXT_HEADER) {
      scope.hotdrop = true;
      return false;
    }
    const type = view.getUint8(l4 + 2);
    return (type >= args[at]! && type <= args[at + 1]!) !== (args[at + 2] === 1);
  },
};
