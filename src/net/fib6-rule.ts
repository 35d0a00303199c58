/** Policy routing rules of IPv6: fib6_rule_match, net/ipv6/fib6_rules.c. @module */
import { PolicyRule } from './fib-rule.ts';
import type { Prefix6, Rule6Config } from './fib6-config.ts';
import type { Flow6 } from './flow6.ts';
import { in6, samePrefix } from './in6.ts';

const ALL: Prefix6 = { prefix: in6(), length: 0 };

export class Fib6Rule extends PolicyRule<Flow6> {
  private readonly from: Prefix6;
  private readonly to: Prefix6;

  constructor(config: Rule6Config) {
    super(config);
    this.from = config.from ?? ALL;
    this.to = config.to ?? ALL;
  }

  protected override addressesMatch(flow: Flow6): boolean {
    const { from, to } = this;
    return samePrefix(flow.src, from.prefix, from.length) && samePrefix(flow.dst, to.prefix, to.length);
  }
}
