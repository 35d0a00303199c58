/** `-j CLASSIFY`: set the packet's priority, a class of traffic control; net/netfilter/xt_CLASSIFY.c. @module */
import { type Target, XT_CONTINUE } from '../extension.ts';

export interface Classify {
  /** major << 16 | minor, uint32. */
  readonly priority: number;
}

const hex4 = (value: number): string => value.toString(16).padStart(4, '0');

export const classify: Target<Classify> = {
  name: 'CLASSIFY',
  hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
  options: [{ name: 'set-class', required: true }],
  parse(given) {
    const [, major, minor] = /^(?:0x)?([\da-f]{1,8}):(?:0x)?([\da-f]{1,8})/i.exec(given.text('set-class')) ?? [];
    if (major === undefined || minor === undefined)
      return given.fail(`${given.text('set-class')}, expected MAJOR:MINOR in hexadecimal`, 'set-class');
    return { priority: ((Number.parseInt(major, 16) << 16) | (Number.parseInt(minor, 16) & 0xffff)) >>> 0 };
  },
  format: ({ priority }) => `--set-class ${hex4(priority >>> 16)}:${hex4(priority & 0xffff)}`,
  compile: ({ priority }) => [priority],
  run(args, at, pkt) {
    pkt.priority = args[at]!;
    return XT_CONTINUE;
  },
};
