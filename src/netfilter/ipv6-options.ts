/**
 * What hbh and dst share: the length of an options header and the options that it begins with, net/ipv6/netfilter/ip6t_hbh.c.
 * @module
 */
import * as ext from '../packet/ipv6-ext.ts';
import type { Packet } from '../packet/packet.ts';
import type { Evaluation, Given, Match } from './extension.ts';
import { bang, boundedUint } from './number.ts';

const MAX_OPTIONS = 16;
const ANY_LENGTH = 255;

/** What a rule asks of an options header. */
export interface Ipv6Options {
  /** Bytes of the header; -1: not given. */
  readonly length: number;
  readonly invertLength: boolean;
  /** Type and length of data (255: any) of each option. */
  readonly options: readonly (readonly [number, number])[];
}

/** hbh or dst, whose options begin with its name; `header` is the number of the extension header that it looks for. */
export const optionsMatch = (name: string, header: number): Match<Ipv6Options> => ({
  name,
  families: ['ipv6'],
  options: [{ name: `${name}-len`, invert: true }, { name: `${name}-opts` }],
  parse: (given) => parseOptions(given, name),
  format: (options) => formatOptions(options, name),
  compile: ({ length, invertLength, options }) => [length, Number(invertLength), options.length, ...options.flat()],
  test: (args, at, pkt, scope) => testOptions(args, at, pkt, scope, header),
});

function parseOptions(given: Given, prefix: string): Ipv6Options {
  const name = `${prefix}-opts`;
  const words = given.has(name) ? given.text(name).split(',') : [];
  if (words.length > MAX_OPTIONS) given.fail(`${words.length} options, expected at most ${MAX_OPTIONS}`, name);
  const options = words.map((word): readonly [number, number] => {
    const [type, length = '255', ...rest] = word.split(':');
    const [kind, bytes] = [boundedUint(type!), boundedUint(length)];
    if (kind === undefined || bytes === undefined || rest.length > 0)
      return given.fail(`option ${word}, expected TYPE or TYPE:LENGTH`, name);
    return [kind & 255, bytes & 255];
  });
  return {
    length: given.has(`${prefix}-len`) ? given.uint(`${prefix}-len`) : -1,
    invertLength: given.inverted(`${prefix}-len`),
    options,
  };
}

function formatOptions({ length, invertLength, options }: Ipv6Options, prefix: string): string {
  const words: string[] = [];
  if (length >= 0) words.push(`${bang(invertLength)}--${prefix}-len ${length}`);
  const list = options.map(([type, bytes]) => (bytes === ANY_LENGTH ? `${type}` : `${type}:${bytes}`));
  if (list.length > 0) words.push(`--${prefix}-opts ${list.join(',')}`);
  return words.join(' ');
}

const found = new ext.Found();

/** Does the first header `header` agree? Runs per packet: no allocation. */
function testOptions(args: Int32Array, at: number, pkt: Packet, scope: Evaluation, header: number): boolean {
  const { view, l3, end } = pkt;
  if (!ext.find(view, l3, end, header, found)) return false;
  let i = found.at;
  if (i + 2 > end) {
    scope.hotdrop = true;
    return false;
  }
  let left = ext.headerLength(view, i, header);
  if (end - i < left) return false;
  const right = args[at] === -1 || (args[at] === left) !== (args[at + 1] === 1);
  i += 2;
  left -= 2;
  const count = args[at + 2]!;
  for (let n = 0; n < count; n++) {
    if (left < 1) return false;
    const type = view.getUint8(i);
    if (type !== args[at + 3 + 2 * n]) return false;
    let size = 1;
    if (type !== 0) {
      if (left < 2) return false;
      const bytes = view.getUint8(i + 1);
      const wanted = args[at + 4 + 2 * n]!;
      if (wanted !== ANY_LENGTH && wanted !== bytes) return false;
      size = bytes + 2;
    }
    if ((i + size > end || left < size) && n < count - 1) return false;
    i += size;
    left -= size;
  }
  return right;
}
