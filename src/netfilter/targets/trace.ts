/** `-j TRACE`: from here on tell which rules the packet matches, net/netfilter/xt_TRACE.c. @module */
import { FLAG_TRACE } from '../../packet/packet.ts';
import { type Target, XT_CONTINUE } from '../extension.ts';

export const trace: Target<null> = {
  name: 'TRACE',
  options: [],
  parse: () => null,
  format: () => '',
  compile: () => [],
  run(_args, _at, pkt) {
    pkt.flags |= FLAG_TRACE;
    return XT_CONTINUE;
  },
};
