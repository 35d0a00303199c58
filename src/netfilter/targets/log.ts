/** `-j LOG`: a line to the kernel's log, and on to the next rule. net/netfilter/xt_LOG.c. @module */
import type { Target } from '../extension.ts';
import { XT_CONTINUE } from '../extension.ts';
import { LOG_IPOPT, LOG_MACDECODE, LOG_TCPOPT, LOG_TCPSEQ, LOG_UID } from '../log-flags.ts';
import { logPacket } from '../log-packet.ts';
import { quote } from '../words.ts';

const LEVELS: Readonly<Record<string, number>> = {
  emerg: 0,
  panic: 0,
  alert: 1,
  crit: 2,
  err: 3,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
};
const WARNING = 4;
/** Characters of a prefix that the kernel keeps. */
const PREFIX_LEN = 29;

/** Options that show more, in the order in which they are printed. */
const FLAGS: readonly (readonly [string, number])[] = [
  ['log-tcp-sequence', LOG_TCPSEQ],
  ['log-tcp-options', LOG_TCPOPT],
  ['log-ip-options', LOG_IPOPT],
  ['log-uid', LOG_UID],
  ['log-macdecode', LOG_MACDECODE],
];

export interface Log {
  readonly prefix: string;
  /** 0 emerg .. 7 debug. */
  readonly level: number;
  readonly flags: number;
}

export const log: Target<Log> = {
  name: 'LOG',
  options: [{ name: 'log-prefix' }, { name: 'log-level' }, ...FLAGS.map(([name]) => ({ name, words: 0 }) as const)],
  parse(given) {
    const word = given.text('log-level');
    const level = given.has('log-level') ? (/^[0-7]$/.test(word) ? Number(word) : LEVELS[word]) : WARNING;
    if (level === undefined) return given.fail(`${word}, expected a log level 0-7 or its name`, 'log-level');
    const prefix = given.text('log-prefix');
    if (given.has('log-prefix') && prefix === '') given.fail('nothing, expected a prefix', 'log-prefix');
    let flags = 0;
    for (const [name, bit] of FLAGS) if (given.has(name)) flags |= bit;
    return { prefix: prefix.slice(0, PREFIX_LEN), level, flags };
  },
  format({ prefix, level, flags }) {
    const words = prefix === '' ? [] : [`--log-prefix ${quote(prefix)}`];
    if (level !== WARNING) words.push(`--log-level ${level}`);
    for (const [name, bit] of FLAGS) if ((flags & bit) !== 0) words.push(`--${name}`);
    return words.join(' ');
  },
  compile: (options, to) => [to.object(() => options)],
  run(args, at, pkt, scope) {
    if (scope.log === null) return XT_CONTINUE;
    const { prefix, flags } = scope.objects[args[at]!] as Log;
    scope.log(logPacket(prefix, pkt, scope.iif, scope.oif, flags));
    return XT_CONTINUE;
  },
};
