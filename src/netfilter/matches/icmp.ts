/** `-m icmp --icmp-type`: type and code of an ICMP header; icmp_match of net/netfilter/xt_tcpudp.c. @module */
import * as icmpHeader from '../../packet/icmp.ts';
import type { Match } from '../extension.ts';
import { formatIcmp, type IcmpNames, type IcmpTest, parseIcmp } from '../icmp-names.ts';
import { bang } from '../number.ts';
import { hasHeader } from '../transport-header.ts';

/** The type that stands for every type. */
const ANY = 255;

const NAMES: IcmpNames = {
  any: '255',
  'echo-reply': '0',
  pong: '0',
  'destination-unreachable': '3',
  'network-unreachable': '3/0',
  'host-unreachable': '3/1',
  'protocol-unreachable': '3/2',
  'port-unreachable': '3/3',
  'fragmentation-needed': '3/4',
  'source-route-failed': '3/5',
  'network-unknown': '3/6',
  'host-unknown': '3/7',
  'network-prohibited': '3/9',
  'host-prohibited': '3/10',
  'TOS-network-unreachable': '3/11',
  'TOS-host-unreachable': '3/12',
  'communication-prohibited': '3/13',
  'host-precedence-violation': '3/14',
  'precedence-cutoff': '3/15',
  'source-quench': '4',
  redirect: '5',
  'network-redirect': '5/0',
  'host-redirect': '5/1',
  'TOS-network-redirect': '5/2',
  'TOS-host-redirect': '5/3',
  'echo-request': '8',
  ping: '8',
  'router-advertisement': '9',
  'router-solicitation': '10',
  'time-exceeded': '11',
  'ttl-exceeded': '11',
  'ttl-zero-during-transit': '11/0',
  'ttl-zero-during-reassembly': '11/1',
  'parameter-problem': '12',
  'ip-header-bad': '12/0',
  'required-option-missing': '12/1',
  'timestamp-request': '13',
  'timestamp-reply': '14',
  'address-mask-request': '17',
  'address-mask-reply': '18',
};

export const icmp: Match<IcmpTest> = {
  name: 'icmp',
  families: ['ipv4'],
  protocols: [1],
  options: [{ name: 'icmp-type', invert: true, required: true }],
  parse: (given) => parseIcmp(given, 'icmp-type', NAMES),
  format: (test) => `${bang(test.invert)}--icmp-type ${test.type === ANY ? 'any' : formatIcmp(test)}`,
  compile: ({ type, code, invert }) => [type, ...code, Number(invert)],
  test(args, at, pkt, scope) {
    if (!hasHeader(pkt, scope, icmpHeader.HEADER_LEN)) return false;
    const { view, l4 } = pkt;
    const code = icmpHeader.code(view, l4);
    const equal =
      args[at] === ANY || (icmpHeader.type(view, l4) === args[at] && code >= args[at + 1]! && code <= args[at + 2]!);
    return equal !== (args[at + 3] === 1);
  },
};
