/** `-j TEE`: send a copy to another host, net/netfilter/xt_TEE.c, nf_dup_ipv4.c and nf_dup_ipv6.c. @module */
import { IP_CT_UNTRACKED } from '../../conntrack/status.ts';
import { INPUT, PREROUTING } from '../../net/hook.ts';
import { format4, format6, parse4, parse6 } from '../../packet/address.ts';
import * as ipv4 from '../../packet/ipv4.ts';
import type { Packet } from '../../packet/packet.ts';
import { type Evaluation, type Target, XT_CONTINUE } from '../extension.ts';

export interface Tee {
  /** As printed. */
  readonly gateway: string;
  /** A device name, '' for any. */
  readonly oif: string;
}

interface Way {
  readonly oif: string;
  /** Four words; none in IPv4. */
  readonly gateway6: Int32Array;
}

/** Copies under way: a copy is not copied again (nf_skb_duplicated). */
class Duplicating {
  active = false;
}

export const tee: Target<Tee> = {
  name: 'TEE',
  options: [{ name: 'gateway', required: true }, { name: 'oif' }],
  parse(given) {
    const text = given.text('gateway');
    const v4 = given.family === 'ipv4' ? parse4(text) : undefined;
    const v6 = given.family === 'ipv6' ? parse6(text) : undefined;
    const any = v4 === 0 || v6?.every((word) => word === 0) === true;
    if ((v4 === undefined && v6 === undefined) || any)
      given.fail(`${text}, expected the address of a gateway`, 'gateway');
    return { gateway: v4 !== undefined ? format4(v4) : format6(v6!), oif: given.text('oif') };
  },
  format: ({ gateway, oif }) => `--gateway ${gateway}${oif === '' ? '' : ` --oif ${oif}`}`,
  compile: ({ gateway, oif }, to) => [
    parse4(gateway) ?? 0,
    to.object((): Way => ({ oif, gateway6: Int32Array.from(parse6(gateway) ?? []) })),
  ],
  run(args, at, pkt, scope) {
    duplicate(pkt, args[at]!, scope.objects[args[at + 1]!] as Way, scope);
    return XT_CONTINUE;
  },
};

/** nf_dup_ipv4 and nf_dup_ipv6. */
function duplicate(pkt: Packet, gateway: number, { oif, gateway6 }: Way, { ns, hook, family }: Evaluation): void {
  const duplicating = ns.generic(Duplicating);
  if (duplicating.active) return;
  const twin = ns.pool.copy(pkt);
  if (twin === null) return;
  twin.data = twin.l3;
  twin.ct = -1;
  twin.ctInfo = IP_CT_UNTRACKED;
  const { view, l3, l2 } = twin;
  // A copy begins at the network header; what stood in front of it is not known.
  if (l2 >= 0) twin.bytes.fill(0, l2, l3);
  const six = family === 'ipv6';
  // Two hosts that copy to each other shall come to an end.
  const hops = l3 + (six ? 7 : 8);
  if (hook === PREROUTING || hook === INPUT) view.setUint8(hops, view.getUint8(hops) - 1);
  if (!six) {
    ipv4.setFragment(view, l3, ipv4.fragment(view, l3) | ipv4.DF);
    ipv4.fillChecksum(view, l3);
  }
  const device = oif === '' ? 0 : (ns.device(oif)?.index ?? -1);
  const routed = six ? ns.ipv6?.routeTo(twin, gateway6, device) : ns.ip.routeTo(twin, gateway, device);
  if (device < 0 || routed !== true) {
    ns.pool.release(twin);
    return;
  }
  // What goes out by a device that it is said to be on has come in by it, as the kernel tells POSTROUTING.
  twin.iif = twin.oif;
  duplicating.active = true;
  if (six) ns.ipv6!.output(twin);
  else ns.ip.output(twin);
  duplicating.active = false;
}
