/** Protocol numbers and names: /etc/protocols of Debian's netbase, and the names that iptables knows itself. @module */

const NAMES = `
  ip:0 icmp:1 igmp:2 ggp:3 ipencap:4 st:5 tcp:6 egp:8 igp:9 pup:12 udp:17 hmp:20 xns-idp:22 rdp:27 iso-tp4:29 dccp:33
  xtp:36 ddp:37 idpr-cmtp:38 ipv6:41 ipv6-route:43 ipv6-frag:44 idrp:45 rsvp:46 gre:47 esp:50 ah:51 skip:57
  ipv6-icmp:58 ipv6-nonxt:59 ipv6-opts:60 rspf:73 vmtp:81 eigrp:88 ospf:89 ax.25:93 ipip:94 etherip:97 encap:98
  pim:103 ipcomp:108 vrrp:112 l2tp:115 isis:124 sctp:132 fc:133 mobility-header:135 udplite:136 mpls-in-ip:137
  manet:138 hip:139 shim6:140 wesp:141 rohc:142 ethernet:143 mptcp:262
`;

/** Names that are read and never printed: aliases there, and xtables_chain_protos of libxtables/xtables.c. */
const ALIASES = 'icmpv6:58 mh:135 all:0 hopopt:0';

const entries = (text: string): [string, number][] =>
  text
    .trim()
    .split(/\s+/)
    .map((entry) => {
      const colon = entry.lastIndexOf(':');
      return [entry.slice(0, colon), Number(entry.slice(colon + 1))];
    });

const names: ReadonlyMap<number, string> = new Map(entries(NAMES).map(([name, number]) => [number, name]));
const numbers: ReadonlyMap<string, number> = new Map([...entries(NAMES), ...entries(ALIASES)]);

/** The number of a protocol: 0..255 as a number or a name in any case, or undefined. 0 is all. */
export function protocolNumber(text: string): number | undefined {
  const name = text.toLowerCase();
  const value = /^(0x[\da-f]+|\d+)$/.test(name) ? Number(name) : numbers.get(name);
  return value !== undefined && value <= 255 ? value : undefined;
}

/** A protocol as iptables-save prints it: its name, or its number when it has none. */
export const protocolName = (number: number): string => names.get(number) ?? String(number);
