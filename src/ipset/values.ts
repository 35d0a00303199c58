/** What an element is given beside itself when it is added: struct ip_set_ext. @module */

/** Seconds at most: UINT_MAX milliseconds would be the kernel's own bound, half of it is what ipset takes. */
export const MAX_TIMEOUT = 2_147_483;

export class Values {
  /** Seconds; 0 stays for ever, -1 is the set's default. */
  timeout = -1;
  /** -1: not given, so that a slot keeps what it has. */
  packets = -1;
  bytes = -1;
  comment = '';
  mark = 0;
  markMask = 0;
  priority = 0;
  queue = 0;

  clear(): this {
    this.timeout = this.packets = this.bytes = -1;
    this.comment = '';
    this.mark = this.markMask = this.priority = this.queue = 0;
    return this;
  }
}
