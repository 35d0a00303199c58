/** What a route of IPv6 is looked up by: struct flowi6, include/net/flow.h. One is reused. @module */
import { type In6, in6 } from './in6.ts';

/** The keys of a lookup, reused: struct flowi6. */
export class Flow6 {
  readonly dst: In6 = in6();
  readonly src: In6 = in6();
  /** Traffic class and flow label as they stand in the header's first word. */
  flowInfo = 0;
  mark = 0;
  /** ifindex; locally made packets come in by lo. */
  iif = 0;
  oif = 0;
  protocol = 0;
  srcPort = 0;
  dstPort = 0;

  /** Back to all zero. */
  clear(): this {
    this.dst.fill(0);
    this.src.fill(0);
    this.flowInfo = this.mark = this.iif = this.oif = 0;
    this.protocol = this.srcPort = this.dstPort = 0;
    return this;
  }
}
