/** Network, port, network: net/netfilter/ipset/ip_set_hash_netportnet.c. @module */
import type { HashType } from './hash-type.ts';

export const hashNetPortNet: HashType = {
  name: 'hash:net,port,net',
  parts: ['net', 'port', 'net'],
  tail: 2,
  pack(e, key, at) {
    key[at] = (e.port << 16) | (e.cidr[0]! << 8) | e.cidr[1]!;
    key[at + 1] = e.protocol;
  },
  unpack(e, keys, at) {
    e.port = keys[at]! >>> 16;
    e.cidr[0] = (keys[at]! >>> 8) & 255;
    e.cidr[1] = keys[at]! & 255;
    e.protocol = keys[at + 1]!;
  },
};
