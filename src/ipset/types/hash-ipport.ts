/** Address and port: net/netfilter/ipset/ip_set_hash_ipport.c. @module */
import type { HashType } from './hash-type.ts';
import { packPort, unpackPort } from './port-word.ts';

export const hashIpPort: HashType = {
  name: 'hash:ip,port',
  parts: ['ip', 'port'],
  tail: 1,
  options: ['netmask', 'bitmask'],
  maskLast: true,
  zero: 'invalid',
  pack: packPort,
  unpack: unpackPort,
};
