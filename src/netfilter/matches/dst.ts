/** `-m dst`: the IPv6 destination options header, net/ipv6/netfilter/ip6t_hbh.c. @module */
import * as ext from '../../packet/ipv6-ext.ts';
import type { Match } from '../extension.ts';
import { type Ipv6Options, optionsMatch } from '../ipv6-options.ts';

export const dst: Match<Ipv6Options> = optionsMatch('dst', ext.DEST);
