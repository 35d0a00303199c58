/** `-j NOTRACK`: the packet is not tracked; an older name of `-j CT --notrack`, net/netfilter/xt_CT.c. @module */
import { IP_CT_UNTRACKED } from '../../conntrack/status.ts';
import type { Packet } from '../../packet/packet.ts';
import { type Target, XT_CONTINUE } from '../extension.ts';

/** Runs per packet. One that is tracked already, or has a template, stays so. */
export function untrack(pkt: Packet): void {
  if (pkt.ct === -1 && pkt.ctInfo === 0) pkt.ctInfo = IP_CT_UNTRACKED;
}

export const notrack: Target<null> = {
  name: 'NOTRACK',
  tables: ['raw'],
  options: [],
  parse: () => null,
  format: () => '',
  compile: () => [],
  run(_args, _at, pkt) {
    untrack(pkt);
    return XT_CONTINUE;
  },
};
