/** Names of ICMP types with their codes, as ipset prints them: lib/icmp.c and lib/icmpv6.c of ipset. @module */

const ICMP = `
  echo-reply:0/0 pong:0/0 network-unreachable:3/0 host-unreachable:3/1 protocol-unreachable:3/2 port-unreachable:3/3
  fragmentation-needed:3/4 source-route-failed:3/5 network-unknown:3/6 host-unknown:3/7 network-prohibited:3/9
  host-prohibited:3/10 TOS-network-unreachable:3/11 TOS-host-unreachable:3/12 communication-prohibited:3/13
  host-precedence-violation:3/14 precedence-cutoff:3/15 source-quench:4/0 network-redirect:5/0 host-redirect:5/1
  TOS-network-redirect:5/2 TOS-host-redirect:5/3 echo-request:8/0 ping:8/0 router-advertisement:9/0
  router-solicitation:10/0 ttl-zero-during-transit:11/0 ttl-zero-during-reassembly:11/1 ip-header-bad:12/0
  required-option-missing:12/1 timestamp-request:13/0 timestamp-reply:14/0 address-mask-request:17/0
  address-mask-reply:18/0
`;

const ICMPV6 = `
  no-route:1/0 communication-prohibited:1/1 address-unreachable:1/3 port-unreachable:1/4 packet-too-big:2/0
  ttl-zero-during-transit:3/0 ttl-zero-during-reassembly:3/1 bad-header:4/0 unknown-header-type:4/1 unknown-option:4/2
  echo-request:128/0 ping:128/0 echo-reply:129/0 pong:129/0 router-solicitation:133/0 router-advertisement:134/0
  neighbour-solicitation:135/0 neigbour-solicitation:135/0 neighbour-advertisement:136/0 neigbour-advertisement:136/0
  redirect:137/0
`;

const entries = (text: string): [string, number][] =>
  text
    .trim()
    .split(/\s+/)
    .map((entry) => {
      const [name, type, code] = entry.split(/[:/]/) as [string, string, string];
      return [name, (Number(type) << 8) | Number(code)];
    });

/** Numbers (type << 8 | code) by name, and the first name of each. */
const table = (text: string) => ({
  numbers: new Map(entries(text)),
  names: new Map(
    entries(text)
      .reverse()
      .map(([name, number]) => [number, name]),
  ),
});

const v4 = table(ICMP);
const v6 = table(ICMPV6);

/** `name` or `type/code` as type << 8 | code, or undefined. */
export function parseIcmp(text: string, inet6: boolean): number | undefined {
  const named = (inet6 ? v6 : v4).numbers.get(text);
  if (named !== undefined) return named;
  const match = /^(\d{1,3})\/(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const [type, code] = [Number(match[1]), Number(match[2])];
  return type > 255 || code > 255 ? undefined : (type << 8) | code;
}

export const formatIcmp = (value: number, inet6: boolean): string =>
  (inet6 ? v6 : v4).names.get(value) ?? `${value >>> 8}/${value & 255}`;
