/** `-j SNPT`: translate the prefix of the IPv6 source address, net/ipv6/netfilter/ip6t_NPT.c. @module */
import { NF_DROP } from '../../net/hook.ts';
import { type Target, XT_CONTINUE } from '../extension.ts';
import { compileNpt, formatNpt, mapPrefix, type Npt, parseNpt } from '../npt.ts';

/** Of the address in the header. */
const OFFSET = 8;

export const snpt: Target<Npt> = {
  name: 'SNPT',
  families: ['ipv6'],
  tables: ['mangle'],
  hooks: ['INPUT', 'POSTROUTING'],
  options: [
    { name: 'src-pfx', required: true },
    { name: 'dst-pfx', required: true },
  ],
  parse: parseNpt,
  format: formatNpt,
  compile: compileNpt,
  run: (args, at, pkt) => (mapPrefix(args, at, pkt.view, pkt.l3 + OFFSET) ? XT_CONTINUE : NF_DROP),
};
