/** `-j DSCP`: write the upper six bits of the DS field, net/netfilter/xt_DSCP.c. @module */
import { dscpClass, formatDscp } from '../dscp-class.ts';
import { dsfield, setDsfield } from '../dsfield.ts';
import { type Target, XT_CONTINUE } from '../extension.ts';
import { oneOf } from '../number.ts';

export interface DscpTarget {
  readonly value: number;
}

export const dscp: Target<DscpTarget> = {
  name: 'DSCP',
  tables: ['mangle'],
  options: [{ name: 'set-dscp' }, { name: 'set-dscp-class' }],
  parse(given) {
    const option = oneOf(given, ['set-dscp', 'set-dscp-class']);
    if (option === undefined) return given.fail('no value, expected --set-dscp or --set-dscp-class');
    return { value: option === 'set-dscp' ? given.uint('set-dscp', 63) : dscpClass(given, 'set-dscp-class') };
  },
  format: ({ value }) => `--set-dscp ${formatDscp(value)}`,
  compile: ({ value }) => [value],
  run(args, at, pkt) {
    const old = dsfield(pkt);
    if (old >>> 2 !== args[at]) setDsfield(pkt, (old & 3) | (args[at]! << 2));
    return XT_CONTINUE;
  },
};
