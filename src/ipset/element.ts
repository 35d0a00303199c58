/** One element as plain numbers: what a packet or a line of text says, before a type packs it into words. @module */

export class Element {
  /** First address at 0, second at 4; IPv4 uses the first word of each. */
  readonly address: Int32Array = new Int32Array(8);
  /** Prefix lengths of both. */
  readonly cidr: Int32Array = new Int32Array(2);
  protocol = 0;
  /** Host order; type << 8 | code of ICMP. */
  port = 0;
  mark = 0;
  macHigh = 0;
  macLow = 0;
  iface = '';
  physdev = false;
  wildcard = false;

  clear(hostMask: number): void {
    this.address.fill(0);
    this.begin(hostMask);
  }

  /** Forget all but the addresses, which are about to be read. */
  begin(hostMask: number): void {
    this.cidr[0] = this.cidr[1] = hostMask;
    this.protocol = this.port = this.mark = this.macHigh = this.macLow = 0;
    this.iface = '';
    this.physdev = this.wildcard = false;
  }

  isZero(at: number, words: number): boolean {
    for (let i = 0; i < words; i++) if (this.address[at + i] !== 0) return false;
    return true;
  }

  /** Keep the first `length` bits of the address of `words` words at `at`. */
  mask(at: number, words: number, length: number): void {
    const { address } = this;
    if (words === 1) {
      address[at]! &= length === 0 ? 0 : -1 << (32 - length);
      return;
    }
    for (let i = 0; i < words; i++) {
      const bits = length - 32 * i;
      if (bits < 32) address[at + i]! &= bits <= 0 ? 0 : -1 << (32 - bits);
    }
  }
}
