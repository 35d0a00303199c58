/** `-j NETMAP --to net/mask`: the network part of an address is replaced; net/netfilter/xt_NETMAP.c. @module */
import { NatRange, RANGE_MAP_IPS, RANGE_NETMAP } from '../../conntrack/nat-range.ts';
import { netmap as setUp } from '../../conntrack/nat-targets.ts';
import type { Target } from '../extension.ts';
import { formatMasked, type MaskedAddress, maskWords, parseMasked } from '../masked-address.ts';
import { fillRange } from '../nat-spec.ts';

const range = new NatRange();

export const netmap: Target<MaskedAddress> = {
  name: 'NETMAP',
  tables: ['nat'],
  hooks: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  needsConntrack: true,
  options: [{ name: 'to', required: true }],
  parse(given) {
    const { words, length } = parseMasked(given, 'to');
    const mask = maskWords({ words, length });
    return { words: words.map((word, i) => word & mask[i]!), length };
  },
  format: (options) => `--to ${formatMasked(options, true)}`,
  compile(options) {
    const mask = maskWords(options);
    const last = options.words.map((word, i) => word | ~mask[i]!);
    const pad = new Array<number>(4 - last.length).fill(0);
    return [RANGE_MAP_IPS | RANGE_NETMAP, 0, 0, 0, ...pad, ...options.words, ...pad, ...last];
  },
  run: (args, at, pkt, scope) => setUp(scope.conntrack, pkt, fillRange(range, args, at), scope.hook),
};
