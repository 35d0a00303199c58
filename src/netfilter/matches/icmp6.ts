/** `-m icmp6 --icmpv6-type`: type and code of an ICMPv6 header; icmp6_match of net/ipv6/netfilter/ip6_tables.c. @module */
import * as icmpHeader from '../../packet/icmp.ts';
import type { Match } from '../extension.ts';
import { formatIcmp, type IcmpNames, type IcmpTest, parseIcmp } from '../icmp-names.ts';
import { bang } from '../number.ts';
import { hasHeader } from '../transport-header.ts';

const NAMES: IcmpNames = {
  'destination-unreachable': '1',
  'no-route': '1/0',
  'communication-prohibited': '1/1',
  'beyond-scope': '1/2',
  'address-unreachable': '1/3',
  'port-unreachable': '1/4',
  'failed-policy': '1/5',
  'reject-route': '1/6',
  'packet-too-big': '2',
  'time-exceeded': '3',
  'ttl-exceeded': '3',
  'ttl-zero-during-transit': '3/0',
  'ttl-zero-during-reassembly': '3/1',
  'parameter-problem': '4',
  'bad-header': '4/0',
  'unknown-header-type': '4/1',
  'unknown-option': '4/2',
  'echo-request': '128',
  ping: '128',
  'echo-reply': '129',
  pong: '129',
  'router-solicitation': '133',
  'router-advertisement': '134',
  'neighbour-solicitation': '135',
  'neighbor-solicitation': '135',
  'neighbour-advertisement': '136',
  'neighbor-advertisement': '136',
  redirect: '137',
};

export const icmp6: Match<IcmpTest> = {
  name: 'icmp6',
  aliases: ['icmpv6', 'ipv6-icmp'],
  families: ['ipv6'],
  protocols: [58],
  options: [{ name: 'icmpv6-type', invert: true, required: true }],
  parse: (given) => parseIcmp(given, 'icmpv6-type', NAMES),
  format: (test) => `${bang(test.invert)}--icmpv6-type ${formatIcmp(test)}`,
  compile: ({ type, code, invert }) => [type, ...code, Number(invert)],
  test(args, at, pkt, scope) {
    if (!hasHeader(pkt, scope, icmpHeader.HEADER_LEN)) return false;
    const { view, l4 } = pkt;
    const code = icmpHeader.code(view, l4);
    const equal = icmpHeader.type(view, l4) === args[at] && code >= args[at + 1]! && code <= args[at + 2]!;
    return equal !== (args[at + 3] === 1);
  },
};
