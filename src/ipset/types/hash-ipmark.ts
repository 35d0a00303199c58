/** Address and mark: net/netfilter/ipset/ip_set_hash_ipmark.c. The mark lies in the machine's order. @module */
import type { HashType } from './hash-type.ts';

const swap = (word: number): number => (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);

export const hashIpMark: HashType = {
  name: 'hash:ip,mark',
  parts: ['ip', 'mark'],
  tail: 1,
  options: ['markmask'],
  pack(e, key, at) {
    key[at] = swap(e.mark);
  },
  unpack(e, keys, at) {
    e.mark = swap(keys[at]!);
  },
};
