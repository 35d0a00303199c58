/** MAC addresses: net/netfilter/ipset/ip_set_hash_mac.c. @module */
import type { HashType } from './hash-type.ts';
import { packMac, unpackMac } from './mac-words.ts';

export const hashMac: HashType = {
  name: 'hash:mac',
  parts: ['mac'],
  tail: 2,
  pack: packMac,
  unpack: unpackMac,
};
