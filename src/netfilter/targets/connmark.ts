/** `-j CONNMARK`: change the connection's mark, or copy between it and the packet's; net/netfilter/xt_connmark.c. @module */
import { IPCT_MARK } from '../../conntrack/status.ts';
import type { Packet } from '../../packet/packet.ts';
import { type Evaluation, type Given, type Target, XT_CONTINUE } from '../extension.ts';
import { oneOf } from '../number.ts';

/** Masks and marks are uint32. */
export interface ConnmarkTarget {
  readonly mode: 'set' | 'save' | 'restore';
  /** Of `set`: mark = (mark & ~ctmask) ^ ctmark. */
  readonly ctmark: number;
  readonly ctmask: number;
  readonly nfmask: number;
  /** Bits to the left; negative to the right. */
  readonly shift: number;
}

const MODES = ['set', 'save', 'restore'] as const;
const SETTERS = ['set-xmark', 'set-mark', 'and-mark', 'or-mark', 'xor-mark'] as const;
const ALL = 0xffffffff;

const hex = (value: number): string => `0x${value.toString(16)}`;

function parseSetter(given: Given, option: (typeof SETTERS)[number]): Pick<ConnmarkTarget, 'ctmark' | 'ctmask'> {
  if (option === 'set-xmark' || option === 'set-mark') {
    const { value, mask } = given.markMask(option);
    return { ctmark: value, ctmask: option === 'set-mark' ? (mask | value) >>> 0 : mask };
  }
  const bits = given.uint(option);
  if (option === 'and-mark') return { ctmark: 0, ctmask: ~bits >>> 0 };
  return { ctmark: bits, ctmask: option === 'or-mark' ? bits : 0 };
}

function parseMasks(given: Given): Pick<ConnmarkTarget, 'ctmask' | 'nfmask'> {
  const single = given.has('mask') ? given.uint('mask') : ALL;
  const ctmask = given.has('ctmask') ? given.uint('ctmask') : single;
  const nfmask = given.has('nfmask') ? given.uint('nfmask') : single;
  return { ctmask, nfmask };
}

function parseShift(given: Given): number {
  const option = oneOf(given, ['left-shift-mark', 'right-shift-mark']);
  if (option === undefined) return 0;
  const bits = given.uint(option, 32);
  return option === 'left-shift-mark' ? bits : -bits;
}

export const connmark: Target<ConnmarkTarget> = {
  name: 'CONNMARK',
  needsConntrack: true,
  options: [
    ...SETTERS.map((name) => ({ name })),
    { name: 'save-mark', words: 0 },
    { name: 'restore-mark', words: 0 },
    { name: 'mask' },
    { name: 'ctmask' },
    { name: 'nfmask' },
    { name: 'left-shift-mark' },
    { name: 'right-shift-mark' },
  ],
  parse(given) {
    const option = oneOf(given, [...SETTERS, 'save-mark', 'restore-mark']);
    if (option === undefined) return given.fail('CONNMARK without an operation, expected --set-xmark, --save-mark ...');
    const shift = parseShift(given);
    if (option === 'save-mark') return { mode: 'save', ctmark: 0, ...parseMasks(given), shift };
    if (option === 'restore-mark') return { mode: 'restore', ctmark: 0, ...parseMasks(given), shift };
    return { mode: 'set', ...parseSetter(given, option), nfmask: 0, shift };
  },
  format({ mode, ctmark, ctmask, nfmask, shift }) {
    const text =
      mode === 'set'
        ? `--set-xmark ${hex(ctmark)}/${hex(ctmask)}`
        : `--${mode}-mark --nfmask ${hex(nfmask)} --ctmask ${hex(ctmask)}`;
    if (shift === 0) return text;
    return `${text} --${shift > 0 ? 'left' : 'right'}-shift-mark ${Math.abs(shift)}`;
  },
  compile: ({ mode, ctmark, ctmask, nfmask, shift }) => [
    MODES.indexOf(mode),
    ctmark | 0,
    ctmask | 0,
    nfmask | 0,
    shift,
  ],
  run(args, at, pkt, scope) {
    if (pkt.ct >= 0) apply(args, at, pkt, scope);
    return XT_CONTINUE;
  },
};

function apply(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): void {
  const ctmask = args[at + 2]!;
  const nfmask = args[at + 3]!;
  const bits = args[at + 4]!;
  const old = scope.conntrack.table.mark[pkt.ct]!;
  switch (args[at]) {
    case 0:
      setMark(pkt, scope, shift((old & ~ctmask) ^ args[at + 1]!, bits));
      break;
    case 1:
      setMark(pkt, scope, (old & ~ctmask) ^ shift(pkt.mark & nfmask, bits));
      break;
    default:
      pkt.mark = (pkt.mark & ~nfmask) ^ shift(old & ctmask, bits);
  }
}

const shift = (mark: number, bits: number): number => (bits >= 0 ? mark << bits : mark >>> -bits) | 0;

function setMark(pkt: Packet, scope: Evaluation, mark: number): void {
  const { conntrack } = scope;
  if (conntrack.table.mark[pkt.ct] === mark) return;
  conntrack.table.mark[pkt.ct] = mark;
  conntrack.event(pkt.ct, IPCT_MARK);
}
