/** Address and mark: net/netfilter/ipset/ip_set_hash_ipmark.c. The mark lies in the machine's order. @module */
import { swab32 } from '../../packet/swab.ts';
import type { HashType } from './hash-type.ts';

export const hashIpMark: HashType = {
  name: 'hash:ip,mark',
  parts: ['ip', 'mark'],
  tail: 1,
  options: ['markmask'],
  pack(e, key, at) {
    key[at] = swab32(e.mark);
  },
  unpack(e, keys, at) {
    e.mark = swab32(keys[at]!);
  },
};
