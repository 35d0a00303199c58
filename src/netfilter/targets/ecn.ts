/** `-j ECN`: write the ECN bits of IPv4 and TCP, net/ipv4/netfilter/ipt_ECN.c. @module */
import { geometryPull } from '../../net/geometry.ts';
import { NF_DROP } from '../../net/hook.ts';
import * as ipv4 from '../../packet/ipv4.ts';
import type { Packet } from '../../packet/packet.ts';
import * as tcp from '../../packet/tcp.ts';
import { type Target, XT_CONTINUE } from '../extension.ts';

/** -1: leave it alone. */
export interface EcnTarget {
  readonly ece: number;
  readonly cwr: number;
  readonly ect: number;
}

export const ecn: Target<EcnTarget> = {
  name: 'ECN',
  families: ['ipv4'],
  tables: ['mangle'],
  options: [
    { name: 'ecn-tcp-remove', words: 0 },
    { name: 'ecn-tcp-cwr' },
    { name: 'ecn-tcp-ece' },
    { name: 'ecn-ip-ect' },
  ],
  parse(given) {
    const remove = given.has('ecn-tcp-remove');
    const beside = ['ecn-tcp-cwr', 'ecn-tcp-ece'].find((option) => given.has(option));
    if (remove && beside !== undefined) given.fail(`--${beside} beside --ecn-tcp-remove, expected one of them`, beside);
    const bits = (option: string, max: number) => (given.has(option) ? given.uint(option, max) : -1);
    const ece = remove ? 0 : bits('ecn-tcp-ece', 1);
    const cwr = remove ? 0 : bits('ecn-tcp-cwr', 1);
    const ect = bits('ecn-ip-ect', 3);
    if (ece < 0 && cwr < 0 && ect < 0) given.fail('no action, expected --ecn-tcp-remove or another --ecn-... option');
    if ((ece >= 0 || cwr >= 0) && given.protocol !== ipv4.TCP) given.fail('a TCP flag, expected -p tcp with it');
    return { ece, cwr, ect };
  },
  format({ ece, cwr, ect }) {
    const words: string[] = [];
    if (ece === 0 && cwr === 0 && ect < 0) words.push('--ecn-tcp-remove');
    else {
      if (ece >= 0) words.push(`--ecn-tcp-ece ${ece}`);
      if (cwr >= 0) words.push(`--ecn-tcp-cwr ${cwr}`);
    }
    if (ect >= 0) words.push(`--ecn-ip-ect ${ect}`);
    return words.join(' ');
  },
  compile: ({ ece, cwr, ect }) => [ece, cwr, ect],
  run(args, at, pkt) {
    const ect = args[at + 2]!;
    const tos = ipv4.tos(pkt.view, pkt.l3);
    if (ect >= 0 && (tos & 3) !== ect) ipv4.setTos(pkt.view, pkt.l3, (tos & ~3) | ect);
    if (ipv4.protocol(pkt.view, pkt.l3) !== ipv4.TCP) return XT_CONTINUE;
    return writeFlags(pkt, args[at]!, args[at + 1]!) ? XT_CONTINUE : NF_DROP;
  },
};

/** set_ect_tcp: false when there is no TCP header to write to. Runs per packet. */
function writeFlags(pkt: Packet, ece: number, cwr: number): boolean {
  if (ece < 0 && cwr < 0) return true;
  const { view, l4 } = pkt;
  if (l4 + tcp.HEADER_LEN > pkt.end) return false;
  const old = tcp.flags(view, l4);
  let flags = old;
  if (ece >= 0) flags = (flags & ~tcp.ECE) | (ece === 1 ? tcp.ECE : 0);
  if (cwr >= 0) flags = (flags & ~tcp.CWR) | (cwr === 1 ? tcp.CWR : 0);
  if (flags === old) return true;
  geometryPull(pkt, l4, tcp.HEADER_LEN);
  tcp.adjustChecksum16(view, l4, old, flags);
  tcp.setFlags(view, l4, flags);
  return true;
}
