/** Address, port, network: net/netfilter/ipset/ip_set_hash_ipportnet.c. Seven bits hold the prefix length less one. @module */
import type { HashType } from './hash-type.ts';

export const hashIpPortNet: HashType = {
  name: 'hash:ip,port,net',
  parts: ['ip', 'port', 'net'],
  tail: 1,
  pack(e, key, at) {
    key[at] = (e.port << 16) | ((e.cidr[1]! - 1) << 8) | e.protocol;
  },
  unpack(e, keys, at) {
    e.port = keys[at]! >>> 16;
    e.cidr[1] = ((keys[at]! >>> 8) & 127) + 1;
    e.protocol = keys[at]! & 255;
  },
};
