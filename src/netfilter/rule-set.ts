/**
 * A rule that names an ipset: the set's number, and what is asked of it. One per rule and namespace, in `Evaluation.objects`;
 * its request is filled again for each packet. @module
 */
import { Request } from '../ipset/request.ts';
import type { Packet } from '../packet/packet.ts';
import type { Evaluation } from './extension.ts';

/** IPSET_DIM_MAX. */
export const MAX_DIMENSIONS = 6;
/** IPSET_MAXNAMELEN with its closing zero. */
export const MAX_SET_NAME = 31;

/** A set as a rule uses it: with its directions and flags. */
export class RuleSet {
  readonly request: Request = new Request();
  private readonly index: number;

  /** @throws {Error} when there is no such set: whoever loads rules has looked */
  constructor(scope: Evaluation, set: string, dimensions: readonly string[], flags: number) {
    this.index = scope.sets.indexOf(set);
    if (this.index < 0) throw new Error(`no set ${set}`);
    this.request.family = scope.family === 'ipv6' ? 'inet6' : 'inet';
    this.request.dimensions = dimensions.length;
    for (const [i, word] of dimensions.entries()) if (word === 'src') this.request.source |= 1 << i;
    this.request.flags = flags;
  }

  /** Does the set hold the packet? Runs per packet: no allocation. */
  test(pkt: Packet, scope: Evaluation): boolean {
    this.fill(scope);
    return scope.sets.test(this.index, pkt, this.request);
  }

  add(pkt: Packet, scope: Evaluation): void {
    this.fill(scope);
    scope.sets.add(this.index, pkt, this.request);
  }

  delete(pkt: Packet, scope: Evaluation): void {
    this.fill(scope);
    scope.sets.delete(this.index, pkt, this.request);
  }

  private fill({ iif, oif }: Evaluation): void {
    this.request.iif = iif.name;
    this.request.oif = oif.name;
  }
}
