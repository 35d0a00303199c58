/** IPv6 packets go out: ip6_local_out, ip6_output and what follows. net/ipv6/ip6_output.c. @module */
import * as ethernet from '../packet/ethernet.ts';
import * as ipv6 from '../packet/ipv6.ts';
import { FLAG_FORWARDED, FLAG_REROUTED, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { DISABLE_IPV6 } from './dev-conf6.ts';
import { EINVAL, EPERM } from './errno.ts';
import { NF_ACCEPT, NF_DROP, OUTPUT, POSTROUTING } from './hook.ts';
import { isMulticast, multicastScope } from './in6.ts';
import type { Ipv6 } from './ip6.ts';
import { fragmentPacket6 } from './ip6-fragment.ts';

const NETFILTER_DROP = reason('NETFILTER_DROP');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const IPV6DISABLED = reason('IPV6DISABLED');
const NODE_LOCAL = 1;
const DST = 24;

/** LOCAL_OUT, then output. @returns 0, or a negative errno; the packet is gone either way */
export function ip6LocalOutHook(ip6: Ipv6, pkt: Packet): number {
  const { ns } = ip6;
  pkt.protocol = ethernet.ETH_P_IPV6;
  const verdict = ns.hooks6.run(OUTPUT, pkt, ns.noDevice, ns.devices[pkt.oif]!);
  if (verdict === NF_ACCEPT) return dstOutput(ip6, pkt);
  if (verdict !== NF_DROP) return 0;
  const error = pkt.routeError || EPERM;
  ns.drop(pkt, pkt.reason || NETFILTER_DROP);
  return -error;
}

function dstOutput(ip6: Ipv6, pkt: Packet): number {
  if (pkt.routeError === 0) return ip6Output(ip6, pkt);
  ip6.ns.drop(pkt, NOT_SPECIFIED);
  return -EINVAL;
}

/** ip6_output: POSTROUTING, then out of the route's device. Runs per packet: no allocation. */
export function ip6Output(ip6: Ipv6, pkt: Packet): number {
  const { ns } = ip6;
  const dev = ns.devices[pkt.oif]!;
  pkt.protocol = ethernet.ETH_P_IPV6;
  if (ip6.conf.get(dev, DISABLE_IPV6) !== 0) {
    ns.drop(pkt, IPV6DISABLED);
    return 0;
  }
  if ((pkt.flags & FLAG_REROUTED) === 0) {
    const verdict = ns.hooks6.run(POSTROUTING, pkt, ns.devices[pkt.iif]!, dev);
    if (verdict !== NF_ACCEPT) {
      if (verdict !== NF_DROP) return 0;
      ns.drop(pkt, pkt.reason || NETFILTER_DROP);
      return -EPERM;
    }
  }
  return ip6FinishOutput(ip6, pkt);
}

/** ip6_finish_output: fragments where the packet is too big, or came in fragments that were smaller. */
function ip6FinishOutput(ip6: Ipv6, pkt: Packet): number {
  const length = pkt.end - pkt.l3;
  const mtu = pkt.pathMtu;
  if (length <= mtu && (pkt.fragMax === 0 || length <= pkt.fragMax)) return ip6.finishOutput(pkt);
  const local = pkt.iif === 0 && (pkt.flags & FLAG_FORWARDED) === 0;
  return fragmentPacket6(ip6, pkt, mtu, local, ip6);
}

/** ip6_finish_output2: to the neighbour. Runs per packet: no allocation. */
export function ip6FinishOutput2(ip6: Ipv6, pkt: Packet): number {
  const { ns } = ip6;
  const dev = ns.devices[pkt.oif]!;
  const word = ipv6.dstWord(pkt.view, pkt.l3, 0);
  if (isMulticast(word) && multicastScope(word) <= NODE_LOCAL && !dev.loopback) {
    ns.drop(pkt, NOT_SPECIFIED);
    return 0;
  }
  pkt.data = pkt.l3;
  if (pkt.nextHop !== 0) return ip6.neigh.output6(dev, ip6.fib.gateways[pkt.nextHop]!, pkt);
  return ip6.neigh.outputTo(dev, pkt, pkt.l3 + DST);
}
