/** `-j NFLOG`: a copy for a program that listens to a netlink group; none does here. net/netfilter/xt_NFLOG.c. @module */
import { type Target, XT_CONTINUE } from '../extension.ts';
import { quote } from '../words.ts';

/** NF_LOG_PREFIXLEN, without the end of the string. */
const PREFIX_LEN = 127;

export interface Nflog {
  readonly prefix: string;
  readonly group: number;
  /** Bytes to copy; -1: not given. */
  readonly size: number;
  /** Packets to gather; 0: not given. */
  readonly threshold: number;
}

export const nflog: Target<Nflog> = {
  name: 'NFLOG',
  options: [
    { name: 'nflog-group' },
    { name: 'nflog-prefix' },
    { name: 'nflog-range' },
    { name: 'nflog-size' },
    { name: 'nflog-threshold' },
  ],
  parse(given) {
    const number = (option: string, max: number, absent: number) =>
      given.has(option) ? given.uint(option, max) : absent;
    if (given.has('nflog-range')) {
      // It never worked; iptables-nft reads it and forgets it.
      given.uint('nflog-range');
      if (given.has('nflog-size')) given.fail('--nflog-size beside --nflog-range, expected one of them', 'nflog-size');
    }
    const prefix = given.text('nflog-prefix');
    if (given.has('nflog-prefix') && (prefix === '' || prefix.includes('\n')))
      given.fail('no text, expected a prefix of one line', 'nflog-prefix');
    return {
      prefix: prefix.slice(0, PREFIX_LEN),
      group: number('nflog-group', 0xffff, 0),
      size: number('nflog-size', 0xffff_ffff, -1),
      threshold: number('nflog-threshold', 0xffff, 0),
    };
  },
  format({ prefix, group, size, threshold }) {
    const words: string[] = [];
    if (prefix !== '') words.push(`--nflog-prefix ${quote(prefix)}`);
    if (group !== 0) words.push(`--nflog-group ${group}`);
    if (size >= 0) words.push(`--nflog-size ${size}`);
    if (threshold !== 0) words.push(`--nflog-threshold ${threshold}`);
    return words.join(' ');
  },
  compile: () => [],
  run: () => XT_CONTINUE,
};
