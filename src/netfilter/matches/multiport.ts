/** `-m multiport`: up to 15 ports and ranges of ports; net/netfilter/xt_multiport.c. @module */
import { servicePort } from '../../packet/services.ts';
import type { Given, Match } from '../extension.ts';
import { bang, oneOf, parseUint } from '../number.ts';
import { hasHeader } from '../transport-header.ts';

type Side = 'sports' | 'dports' | 'ports';

export interface Multiport {
  readonly side: Side;
  /** First and last of each. */
  readonly ports: readonly (readonly [number, number])[];
  readonly invert: boolean;
}

/** XT_MULTI_PORTS; a range takes two. */
const MAX_PORTS = 15;
const SIDES: Readonly<Record<Side, number>> = { sports: 1, dports: 2, ports: 3 };

function parsePort(given: Given, option: string, text: string): number {
  const port = parseUint(text) ?? servicePort(text);
  if (port === undefined || port > 65535)
    return given.fail(`not a port: ${text}, expected a number or the name of a service`, option);
  return port;
}

function parseRange(given: Given, option: string, text: string): readonly [number, number] {
  const colon = text.indexOf(':');
  if (colon < 0) {
    const port = parsePort(given, option, text);
    return [port, port];
  }
  const first = parsePort(given, option, text.slice(0, colon));
  const last = parsePort(given, option, text.slice(colon + 1));
  if (first >= last) given.fail(`port range ${text}, expected first < last`, option);
  return [first, last];
}

export const multiport: Match<Multiport> = {
  name: 'multiport',
  protocols: [6, 17, 33, 132, 136],
  options: [
    { name: 'sports', aliases: ['source-ports'], invert: true },
    { name: 'dports', aliases: ['destination-ports'], invert: true },
    { name: 'ports', invert: true },
  ],
  parse(given) {
    const side = oneOf(given, ['sports', 'dports', 'ports']);
    if (side === undefined) return given.fail('multiport without ports, expected --sports, --dports or --ports');
    const texts = given.text(side).split(',');
    const ports = texts.map((text) => parseRange(given, side, text));
    const places = texts.reduce((sum, text) => sum + (text.includes(':') ? 2 : 1), 0);
    if (places > MAX_PORTS) given.fail(`${places} ports (a range is two), expected at most ${MAX_PORTS}`, side);
    return { side, ports, invert: given.inverted(side) };
  },
  format({ side, ports, invert }) {
    const list = ports.map(([first, last]) => (first === last ? first : `${first}:${last}`)).join(',');
    return `${bang(invert)}--${side} ${list}`;
  },
  compile: ({ side, ports, invert }) => [SIDES[side], Number(invert), ports.length, ...ports.flat()],
  test(args, at, pkt, scope) {
    if (!hasHeader(pkt, scope, 4)) return false;
    const side = args[at]!;
    const sport = (side & 1) !== 0 ? pkt.view.getUint16(pkt.l4) : -1;
    const dport = (side & 2) !== 0 ? pkt.view.getUint16(pkt.l4 + 2) : -1;
    return contains(args, at + 2, sport, dport) !== (args[at + 1] === 1);
  },
};

/** Is one of the two (-1: not asked) in the list of ranges at `at`? */
function contains(args: Int32Array, at: number, sport: number, dport: number): boolean {
  const end = at + 1 + 2 * args[at]!;
  for (let i = at + 1; i < end; i += 2) {
    const first = args[i]!;
    const last = args[i + 1]!;
    if ((sport >= first && sport <= last) || (dport >= first && dport <= last)) return true;
  }
  return false;
}
