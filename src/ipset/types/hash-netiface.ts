/**
 * Network and device: net/netfilter/ipset/ip_set_hash_netiface.c. The tail's first word is hashed: physdev, prefix length,
 * nomatch (not here), 1. Then what the kernel keeps as a string: a number for the name, and whether it is a prefix. @module
 */
import type { HashType } from './hash-type.ts';

export const hashNetIface: HashType = {
  name: 'hash:net,iface',
  parts: ['net', 'iface'],
  tail: 3,
  hashedTail: 1,
  net0: true,
  pack(e, key, at) {
    key[at] = (e.physdev ? 1 << 24 : 0) | (e.cidr[0]! << 16) | 1;
    key[at + 2] = e.wildcard ? 1 : 0;
  },
  unpack(e, keys, at) {
    e.physdev = keys[at]! >>> 24 === 1;
    e.cidr[0] = (keys[at]! >>> 16) & 255;
    e.wildcard = keys[at + 2] === 1;
  },
};
