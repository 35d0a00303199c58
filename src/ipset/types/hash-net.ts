/** Networks: net/netfilter/ipset/ip_set_hash_net.c. @module */
import type { HashType } from './hash-type.ts';

export const hashNet: HashType = {
  name: 'hash:net',
  parts: ['net'],
  tail: 1,
  pack(e, key, at) {
    key[at] = e.cidr[0]!;
  },
  unpack(e, keys, at) {
    e.cidr[0] = keys[at]! & 255;
  },
};
