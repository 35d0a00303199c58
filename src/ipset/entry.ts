/** An element as a line of text has it: plain data, with ranges. @module */

export interface AddressRange {
  /** One int32 of IPv4, four of IPv6. */
  readonly words: readonly number[];
  /** Prefix length, that of a host when none was given. */
  readonly cidr: number;
  /** The other end of a range of IPv4, uint32; it may be lower. */
  readonly to: number | null;
}

export interface Entry {
  /** As written, for messages. */
  readonly text: string;
  readonly addresses: readonly AddressRange[];
  readonly protocol: number;
  /** First and last port; ICMP has type << 8 | code. */
  readonly ports: readonly [number, number];
  /** First two bytes and last four; null: any (bitmap:ip,mac). */
  readonly mac: readonly [number, number] | null;
  readonly mark: number;
  readonly iface: string;
  readonly physdev: boolean;
  readonly wildcard: boolean;
  readonly nomatch: boolean;
  /** A set in a list, and the set that it stands before or after. */
  readonly set: string;
  readonly beside: { readonly place: 'before' | 'after'; readonly set: string } | null;
}

export const EMPTY_ENTRY: Entry = {
  text: '',
  addresses: [],
  protocol: 0,
  ports: [0, 0],
  mac: null,
  mark: 0,
  iface: '',
  physdev: false,
  wildcard: false,
  nomatch: false,
  set: '',
  beside: null,
};
