/** `-m mac [!] --mac-source`: the Ethernet source of a packet that came in; net/netfilter/xt_mac.c. @module */
import { formatMac, parseMac } from '../../packet/address.ts';
import * as ethernet from '../../packet/ethernet.ts';
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';

export interface Mac {
  /** Six bytes. */
  readonly source: readonly number[];
  readonly invert: boolean;
}

const [HIGH, LOW, INVERT] = [0, 1, 2] as const;

export const mac: Match<Mac> = {
  name: 'mac',
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  options: [{ name: 'mac-source', invert: true, required: true }],
  parse(given) {
    const source = parseMac(given.text('mac-source'));
    if (source === undefined) return given.fail(`${given.text('mac-source')}, expected a MAC address`, 'mac-source');
    return { source: [...source], invert: given.inverted('mac-source') };
  },
  format: ({ source, invert }) => `${bang(invert)}--mac-source ${formatMac(Uint8Array.from(source))}`,
  compile: ({ source: [a, b, c, d, e, f], invert }) => [
    (a! << 8) | b!,
    (c! << 24) | (d! << 16) | (e! << 8) | f!,
    Number(invert),
  ],
  test(args, at, pkt, scope) {
    // Without a link header before the network header there is nothing to compare, inverted or not.
    if (pkt.l2 < 0 || pkt.l2 + ethernet.HEADER_LEN > pkt.l3 || scope.iif.loopback) return false;
    const equal =
      ethernet.srcHigh(pkt.view, pkt.l2) === args[at + HIGH] && ethernet.srcLow(pkt.view, pkt.l2) === args[at + LOW];
    return equal !== (args[at + INVERT] === 1);
  },
};
