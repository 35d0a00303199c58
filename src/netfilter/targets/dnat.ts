/** `-j DNAT --to-destination`: the flow goes to another address or port; net/netfilter/xt_nat.c. @module */
import { NatRange } from '../../conntrack/nat-range.ts';
import { MANIP_DST } from '../../conntrack/status.ts';
import type { Target } from '../extension.ts';
import { compileRange, fillRange, formatMode, formatSpec, type NatTo, parseMode, parseSpec } from '../nat-spec.ts';

const range = new NatRange();

export const dnat: Target<NatTo> = {
  name: 'DNAT',
  tables: ['nat'],
  hooks: ['PREROUTING', 'OUTPUT'],
  needsConntrack: true,
  options: [
    { name: 'to-destination', required: true },
    { name: 'random', words: 0 },
    { name: 'persistent', words: 0 },
  ],
  parse: (given) => ({ ...parseSpec(given, 'to-destination', true), ...parseMode(given) }),
  format: (options, family) => `--to-destination ${formatSpec(options, family)}${formatMode(options)}`,
  compile: compileRange,
  run: (args, at, pkt, scope) => scope.conntrack.nat.setup(pkt, fillRange(range, args, at), MANIP_DST),
};
