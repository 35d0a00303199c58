/**
 * How iptables-nft prints what it made nft expressions of: ports and flags of one rule come back as a single `-m tcp` or
 * `-m udp` at the first one's place, the last test of a field winning (nft_parse_transport, iptables/nft-ruleparse.c). @module
 */
import { isNativeTcp, type Tcp } from './matches/tcp.ts';
import { isNativeUdp, type Udp } from './matches/udp.ts';
import { isAll, type PortTest } from './port-match.ts';
import type { Use } from './rule.ts';

/** `! 0:n` is a comparison, and read back as the ports above. */
function spell(test: PortTest): PortTest {
  const [first, last] = test.range;
  return test.invert && first === 0 && last < 65535 ? { range: [last + 1, 65535], invert: false } : test;
}

const later = (before: PortTest, after: PortTest): PortTest => (isAll(after) ? before : spell(after));

interface Ports {
  readonly sport: PortTest;
  readonly dport: PortTest;
}

const ANY: PortTest = { range: [0, 65535], invert: false };
const NO_PORTS: Ports = { sport: ANY, dport: ANY };
const NO_TCP: Tcp = { ...NO_PORTS, flags: { mask: 0, value: 0, invert: false }, option: { kind: 0, invert: false } };

const mergePorts = (before: Ports, after: Ports): Ports => ({
  sport: later(before.sport, after.sport),
  dport: later(before.dport, after.dport),
});

const mergeTcp = (before: Tcp, after: Tcp): Tcp => ({
  ...before,
  ...mergePorts(before, after),
  flags: after.flags.mask === 0 ? before.flags : after.flags,
});

const asksNothing = ({ sport, dport }: Ports): boolean => isAll(sport) && isAll(dport);

/** Is a native use read back at all? One that asks for nothing leaves no expression. */
const isSeen = (use: Use): boolean => {
  const options = use.options as Tcp | Udp;
  return !asksNothing(options) || ('flags' in options && options.flags.mask !== 0);
};

const isNative = (use: Use): boolean =>
  (use.name === 'tcp' && isNativeTcp(use.options as Tcp)) || (use.name === 'udp' && isNativeUdp(use.options as Udp));

/** The matches of a rule as they come back from the kernel's nft expressions. */
export function spellMatches(matches: readonly Use[]): readonly Use[] {
  const native = matches.filter(isNative);
  if (native.length === 0) return matches;
  const seen = native.filter(isSeen);
  const merged = seen.reduce<Tcp | Udp>(
    (before, { options }) =>
      'flags' in before ? mergeTcp(before, options as Tcp) : mergePorts(before, options as Udp),
    native[0]!.name === 'tcp' ? NO_TCP : NO_PORTS,
  );
  return matches.flatMap((use) => {
    if (use === seen[0]) return [{ name: use.name, options: merged }];
    return isNative(use) ? [] : [use];
  });
}
