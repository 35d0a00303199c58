/**
 * `-j CHECKSUM --checksum-fill`: compute the checksum that a device would fill in, net/netfilter/xt_CHECKSUM.c. Checksums
 * are always filled in here, so there is nothing left to do. @module
 */
import { type Target, XT_CONTINUE } from '../extension.ts';

export const checksum: Target<null> = {
  name: 'CHECKSUM',
  tables: ['mangle'],
  options: [{ name: 'checksum-fill', words: 0, required: true }],
  parse: () => null,
  format: () => '--checksum-fill',
  compile: () => [],
  run: () => XT_CONTINUE,
};
