/** What a route is looked up by: struct flowi4, include/net/flow.h. One is reused; addresses are int32. @module */
export class Flow {
  dst = 0;
  src = 0;
  tos = 0;
  mark = 0;
  /** ifindex; locally made packets come in by lo. */
  iif = 0;
  oif = 0;
  scope = 0;
  protocol = 0;
  /** Host order; 0 where the protocol has none. */
  srcPort = 0;
  dstPort = 0;
  /** FLOWI_FLAG_ANYSRC: the source need not be an address of this host. */
  anySource = false;

  /** Back to all zero. */
  clear(): this {
    this.dst = this.src = this.tos = this.mark = 0;
    this.iif = this.oif = this.scope = 0;
    this.protocol = this.srcPort = this.dstPort = 0;
    this.anySource = false;
    return this;
  }
}
