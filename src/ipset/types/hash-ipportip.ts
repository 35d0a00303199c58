/** Address, port, address: net/netfilter/ipset/ip_set_hash_ipportip.c. @module */
import type { HashType } from './hash-type.ts';
import { packPort, unpackPort } from './port-word.ts';

export const hashIpPortIp: HashType = {
  name: 'hash:ip,port,ip',
  parts: ['ip', 'port', 'ip'],
  tail: 1,
  pack: packPort,
  unpack: unpackPort,
};
