/** Addresses, or networks of one size: net/netfilter/ipset/ip_set_hash_ip.c. @module */
import type { HashType } from './hash-type.ts';

export const hashIp: HashType = {
  name: 'hash:ip',
  parts: ['ip'],
  tail: 0,
  options: ['netmask', 'bitmask'],
  zero: 'null',
  pack: () => undefined,
  unpack: () => undefined,
};
