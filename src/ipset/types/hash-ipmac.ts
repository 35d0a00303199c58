/** Address and MAC address: net/netfilter/ipset/ip_set_hash_ipmac.c. @module */
import type { HashType } from './hash-type.ts';
import { packMac, unpackMac } from './mac-words.ts';

export const hashIpMac: HashType = {
  name: 'hash:ip,mac',
  parts: ['ip', 'mac'],
  tail: 2,
  pack: packMac,
  unpack: unpackMac,
};
