/** Policy routing rules: which table is asked, or that none is. net/core/fib_rules.c, net/ipv4/fib_rules.c. @module */
import { mask4 } from '../packet/address.ts';
import type { CommonRule, RuleAction, RuleConfig } from './fib-config.ts';
import type { Flow } from './flow.ts';
import { RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN } from './rtn.ts';

/** The bits of the TOS that routes and rules are compared by. */
export const DSCP_LEGACY_TOS = 0x1c;

/** ifindex of a device by name, 0 when there is none. */
export type DeviceIndex = (name: string) => number;

/** What rules of both families look at: struct flowi_common and the ports. */
export interface FlowKeys {
  readonly mark: number;
  readonly iif: number;
  readonly oif: number;
  readonly protocol: number;
  readonly srcPort: number;
  readonly dstPort: number;
}

/** A rule in integers, but for its addresses. */
export abstract class PolicyRule<F extends FlowKeys> {
  readonly preference: number;
  readonly action: RuleAction;
  readonly table: number;
  readonly suppressPrefixLength: number;
  private readonly common: CommonRule;
  private readonly mark: number;
  private readonly markMask: number;
  private readonly protocol: number;
  private readonly invert: boolean;

  constructor(config: CommonRule) {
    this.common = config;
    this.preference = config.preference;
    this.action = config.action ?? 'table';
    this.table = config.table ?? RT_TABLE_MAIN;
    this.suppressPrefixLength = config.suppressPrefixLength ?? -1;
    this.markMask = config.markMask ?? (config.mark === undefined ? 0 : -1);
    this.mark = (config.mark ?? 0) & this.markMask;
    this.protocol = config.protocol ?? 0;
    this.invert = config.invert ?? false;
  }

  /** fib_rule_match. Runs per packet: no allocation. */
  matches(flow: F, index: DeviceIndex): boolean {
    return this.holds(flow, index) !== this.invert;
  }

  /** What depends on the family: fib4_rule_match, fib6_rule_match. */
  protected abstract addressesMatch(flow: F): boolean;

  private holds(flow: F, index: DeviceIndex): boolean {
    const { iif, oif } = this.common;
    if (iif !== undefined && index(iif) !== flow.iif) return false;
    if (oif !== undefined && index(oif) !== flow.oif) return false;
    if ((flow.mark & this.markMask) !== this.mark || !this.addressesMatch(flow)) return false;
    if (this.protocol !== 0 && this.protocol !== flow.protocol) return false;
    return inRange(flow.srcPort, this.common.srcPorts) && inRange(flow.dstPort, this.common.dstPorts);
  }

  /** Does it look at protocol or ports, so that they must be read from the packet? */
  get needsPorts(): boolean {
    return this.protocol !== 0 || this.common.srcPorts !== undefined || this.common.dstPorts !== undefined;
  }
}

/** A rule of IPv4. */
export class FibRule extends PolicyRule<Flow> {
  private readonly from: number;
  private readonly fromMask: number;
  private readonly to: number;
  private readonly toMask: number;
  private readonly tos: number;

  constructor(config: RuleConfig) {
    super(config);
    this.fromMask = mask4(config.from?.length ?? 0);
    this.from = (config.from?.prefix ?? 0) & this.fromMask;
    this.toMask = mask4(config.to?.length ?? 0);
    this.to = (config.to?.prefix ?? 0) & this.toMask;
    this.tos = config.tos ?? 0;
  }

  protected override addressesMatch(flow: Flow): boolean {
    if ((flow.src & this.fromMask) !== this.from || (flow.dst & this.toMask) !== this.to) return false;
    return this.tos === 0 || this.tos === (flow.tos & DSCP_LEGACY_TOS);
  }
}

const inRange = (port: number, range: readonly [number, number] | undefined): boolean =>
  range === undefined || (port >= range[0] && port <= range[1]);

/** The three that every namespace begins with. */
export const STANDARD_RULES: readonly RuleConfig[] = [
  { preference: 0, table: RT_TABLE_LOCAL },
  { preference: 32766, table: RT_TABLE_MAIN },
  { preference: 32767, table: RT_TABLE_DEFAULT },
];
