/** `-j TEE`: send a copy to another host, net/netfilter/xt_TEE.c and net/ipv4/netfilter/nf_dup_ipv4.c. @module */
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
  compile: ({ gateway, oif }, to) => [parse4(gateway) ?? 0, to.object(() => ({ oif }))],
  run(args, at, pkt, scope) {
    if (scope.family === 'ipv4') duplicate(pkt, args[at]!, (scope.objects[args[at + 1]!] as Tee).oif, scope);
    return XT_CONTINUE;
  },
};

/** nf_dup_ipv4. */
function duplicate(pkt: Packet, gateway: number, oif: string, { ns, hook }: Evaluation): void {
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
  ipv4.setFragment(view, l3, ipv4.fragment(view, l3) | ipv4.DF);
  // Two hosts that copy to each other shall come to an end.
  if (hook === PREROUTING || hook === INPUT) view.setUint8(l3 + 8, ipv4.ttl(view, l3) - 1);
  ipv4.fillChecksum(view, l3);
  const device = oif === '' ? 0 : (ns.device(oif)?.index ?? -1);
  if (device < 0 || !ns.ip.routeTo(twin, gateway, device)) {
    ns.pool.release(twin);
    return;
  }
  // What goes out by a device that it is said to be on has come in by it, as the kernel tells POSTROUTING.
  twin.iif = twin.oif;
  duplicating.active = true;
  ns.ip.output(twin);
  duplicating.active = false;
}
