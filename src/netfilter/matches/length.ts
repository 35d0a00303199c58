/** `-m length`: bytes of the IP packet as its header says, net/netfilter/xt_length.c. @module */
import { ETH_P_IPV6 } from '../../packet/ethernet.ts';
import * as ipv4 from '../../packet/ipv4.ts';
import * as ipv6 from '../../packet/ipv6.ts';
import type { Match } from '../extension.ts';
import { bang, formatRange, uintRange } from '../number.ts';

export interface Length {
  readonly range: readonly [number, number];
  readonly invert: boolean;
}

export const length: Match<Length> = {
  name: 'length',
  options: [{ name: 'length', invert: true, required: true }],
  parse: (given) => ({ range: uintRange(given, 'length', 0xffff), invert: given.inverted('length') }),
  format: ({ range, invert }) => `${bang(invert)}--length ${formatRange(range)}`,
  compile: ({ range, invert }) => [...range, Number(invert)],
  test(args, at, pkt) {
    const bytes =
      pkt.protocol === ETH_P_IPV6
        ? ipv6.payloadLength(pkt.view, pkt.l3) + ipv6.HEADER_LEN
        : ipv4.totalLength(pkt.view, pkt.l3);
    return (bytes >= args[at]! && bytes <= args[at + 1]!) !== (args[at + 2] === 1);
  },
};
