/** `-j DNPT`: translate the prefix of the IPv6 destination address, net/ipv6/netfilter/ip6t_NPT.c. @module */
import { NF_DROP } from '../../net/hook.ts';
import { type Target, XT_CONTINUE } from '../extension.ts';
import { compileNpt, formatNpt, mapPrefix, type Npt, parseNpt } from '../npt.ts';

/** Of the address in the header. */
const OFFSET = 24;

export const dnpt: Target<Npt> = {
  name: 'DNPT',
  families: ['ipv6'],
  tables: ['mangle'],
  hooks: ['PREROUTING', 'OUTPUT'],
  options: [
    { name: 'src-pfx', required: true },
    { name: 'dst-pfx', required: true },
  ],
  parse: parseNpt,
  format: formatNpt,
  compile: compileNpt,
  run: (args, at, pkt) => (mapPrefix(args, at, pkt.view, pkt.l3 + OFFSET) ? XT_CONTINUE : NF_DROP),
};
