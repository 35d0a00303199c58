/** `-j SNAT --to-source`: the flow comes from another address or port; net/netfilter/xt_nat.c. @module */
import { NatRange } from '../../conntrack/nat-range.ts';
import { MANIP_SRC } from '../../conntrack/status.ts';
import type { Target } from '../extension.ts';
import {
  compileRange,
  fillRange,
  formatMode,
  formatSpec,
  MODE_OPTIONS,
  type NatTo,
  parseMode,
  parseSpec,
} from '../nat-spec.ts';

const range = new NatRange();

export const snat: Target<NatTo> = {
  name: 'SNAT',
  tables: ['nat'],
  hooks: ['POSTROUTING', 'INPUT'],
  needsConntrack: true,
  options: [{ name: 'to-source', required: true }, ...MODE_OPTIONS],
  parse: (given) => ({ ...parseSpec(given, 'to-source', false), ...parseMode(given) }),
  format: (options, family) => `--to-source ${formatSpec(options, family)}${formatMode(options)}`,
  compile: compileRange,
  run: (args, at, pkt, scope) => scope.conntrack.nat.setup(pkt, fillRange(range, args, at), MANIP_SRC),
};
