/** `-j DNPT`: translate the prefix of the IPv6 destination address, net/ipv6/netfilter/ip6t_NPT.c. @module */
import * as ipv6 from '../../packet/ipv6.ts';
import type { Target } from '../extension.ts';
import { type Npt, nptTarget } from '../npt.ts';

export const dnpt: Target<Npt> = nptTarget('DNPT', ['PREROUTING', 'OUTPUT'], ipv6.DST);
