/** Two networks: net/netfilter/ipset/ip_set_hash_netnet.c. @module */
import type { HashType } from './hash-type.ts';

export const hashNetNet: HashType = {
  name: 'hash:net,net',
  parts: ['net', 'net'],
  tail: 1,
  options: ['netmask', 'bitmask'],
  maskLast: true,
  pack(e, key, at) {
    key[at] = (e.cidr[0]! << 8) | e.cidr[1]!;
  },
  unpack(e, keys, at) {
    e.cidr[0] = (keys[at]! >>> 8) & 255;
    e.cidr[1] = keys[at]! & 255;
  },
};
