/** Network and port: net/netfilter/ipset/ip_set_hash_netport.c. Seven bits hold the prefix length less one. @module */
import type { HashType } from './hash-type.ts';

export const hashNetPort: HashType = {
  name: 'hash:net,port',
  parts: ['net', 'port'],
  tail: 1,
  pack(e, key, at) {
    key[at] = (e.port << 16) | (e.protocol << 8) | (e.cidr[0]! - 1);
  },
  unpack(e, keys, at) {
    e.port = keys[at]! >>> 16;
    e.protocol = (keys[at]! >>> 8) & 255;
    e.cidr[0] = (keys[at]! & 127) + 1;
  },
};
