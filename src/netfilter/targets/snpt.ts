/** `-j SNPT`: translate the prefix of the IPv6 source address, net/ipv6/netfilter/ip6t_NPT.c. @module */
import * as ipv6 from '../../packet/ipv6.ts';
import type { Target } from '../extension.ts';
import { type Npt, nptTarget } from '../npt.ts';

export const snpt: Target<Npt> = nptTarget('SNPT', ['INPUT', 'POSTROUTING'], ipv6.SRC);
