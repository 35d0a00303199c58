/** `-m eui64`: does the IPv6 source address contain the Ethernet source? net/ipv6/netfilter/ip6t_eui64.c. @module */
import { ETH_P_IPV6, HEADER_LEN } from '../../packet/ethernet.ts';
import * as ipv6 from '../../packet/ipv6.ts';
import type { Match } from '../extension.ts';

export const eui64: Match<null> = {
  name: 'eui64',
  families: ['ipv6'],
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  options: [],
  parse: () => null,
  format: () => '',
  compile: () => [],
  test(_args, _at, pkt, scope) {
    const { view, l2, l3 } = pkt;
    if (l2 < 0 || l3 - l2 < HEADER_LEN) {
      if (scope.fragmentOffset === 0) return false;
      scope.hotdrop = true;
      return false;
    }
    if (view.getUint16(l2 + 12) !== ETH_P_IPV6) return false;
    const source = l2 + 6;
    // The six bytes with ff fe in the middle, and the universal bit turned over.
    const high = ((view.getUint8(source) ^ 2) << 24) | (view.getUint16(source + 1) << 8) | 0xff;
    const low = (0xfe << 24) | (view.getUint8(source + 3) << 16) | view.getUint16(source + 4);
    return ipv6.srcWord(view, l3, 2) === high && ipv6.srcWord(view, l3, 3) === low;
  },
};
