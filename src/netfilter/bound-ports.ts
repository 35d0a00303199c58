/** The destination ports that a rule is bound to: what can be known of a packet's port before the rule is asked. @module */
import type { Multiport } from './matches/multiport.ts';
import type { Tcp } from './matches/tcp.ts';
import type { Udp } from './matches/udp.ts';
import type { Rule } from './rule.ts';

const TCP = 6;
const UDP = 17;
/** More ports of one rule are not worth a place each. */
const MAX_PORTS = 16;

/** Matches that neither change anything nor drop a packet: what stands behind them may be looked at first. */
const PURE: ReadonlySet<string> = new Set(['comment', 'mark', 'conntrack', 'state', 'addrtype']);

/** The destination ports that a rule of TCP or UDP is bound to, at most 16, or null. */
export function boundPorts(rule: Rule): readonly number[] | null {
  if (rule.invertProtocol || (rule.protocol !== TCP && rule.protocol !== UDP)) return null;
  for (const { name, options } of rule.matches) {
    if (PURE.has(name)) continue;
    if (name === 'multiport') return multiPorts(options as Multiport);
    if (name !== 'tcp' && name !== 'udp') return null;
    const { dport } = options as Tcp | Udp;
    const ports = dport.invert ? null : expand([dport.range]);
    if (ports !== null) return ports;
    // A search for a TCP option may drop the packet.
    if (name === 'tcp' && (options as Tcp).option.kind !== 0) return null;
  }
  return null;
}

const multiPorts = ({ side, ports, invert }: Multiport): readonly number[] | null =>
  side === 'dports' && !invert ? expand(ports) : null;

function expand(ranges: readonly (readonly [number, number])[]): readonly number[] | null {
  const count = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  if (count > MAX_PORTS) return null;
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}
