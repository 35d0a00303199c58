/**
 * Classic BPF, McCanne and Jacobson 1993, with Linux's ancillary loads: bpf_check_classic and the semantics of
 * net/core/filter.c. @module
 */
import type { Packet } from '../packet/packet.ts';
import type { Evaluation } from './extension.ts';

/** struct sock_filter. */
export interface BpfInstruction {
  readonly code: number;
  /** Jump offsets. */
  readonly jt: number;
  readonly jf: number;
  /** uint32. */
  readonly k: number;
}

export const BPF_MAXINSNS = 64;
const MEMWORDS = 16;

/** Classes. */
const [LD, LDX, ST, STX, ALU, JMP, RET, MISC] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
/** Sizes and modes of loads. */
const [W, H, B] = [0x00, 0x08, 0x10] as const;
const [IMM, ABS, IND, MEM, LEN, MSH] = [0x00, 0x20, 0x40, 0x60, 0x80, 0xa0] as const;
/** Operations. */
const [ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR] = [
  0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0,
] as const;
const [JA, JEQ, JGT, JGE, JSET] = [0x00, 0x10, 0x20, 0x30, 0x40] as const;
const X = 0x08;
const RET_A = 0x10;
const TXA = 0x80;

/** Offsets from which a load does not mean the packet's bytes: SKF_AD_OFF, SKF_NET_OFF, SKF_LL_OFF. */
const ANCILLARY = 0xfffff000;
const NETWORK = 0xfff00000;
const LINK = 0xffe00000;
/** SKF_AD_*. */
const [AD_PROTOCOL, AD_PKTTYPE, AD_IFINDEX, AD_MARK, AD_QUEUE, AD_HATYPE, AD_RXHASH, AD_CPU, AD_ALU_XOR_X] = [
  0, 4, 8, 20, 24, 28, 32, 36, 40,
] as const;
const [AD_VLAN_TAG, AD_VLAN_PRESENT, AD_PAY_OFFSET, AD_RANDOM, AD_VLAN_TPID] = [44, 48, 52, 56, 60] as const;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;

const LOADS: readonly number[] = [W, H, B].flatMap((size) => [ABS | size, IND | size]);
const VALID: ReadonlySet<number> = new Set([
  ...[...LOADS, IMM, MEM, LEN].map((mode) => LD | mode),
  ...[IMM, MEM, LEN, MSH | B].map((mode) => LDX | mode),
  ST,
  STX,
  ...[ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, MOD, XOR].flatMap((op) => [ALU | op, ALU | op | X]),
  ALU | NEG,
  JMP | JA,
  ...[JEQ, JGT, JGE, JSET].flatMap((op) => [JMP | op, JMP | op | X]),
  RET,
  RET | RET_A,
  MISC,
  MISC | TXA,
]);

/** What is wrong with a program, or null: bpf_check_classic and check_load_and_stores. */
export function checkBpf(program: readonly BpfInstruction[]): string | null {
  const { length } = program;
  for (let pc = 0; pc < length; pc++) {
    const wrong = checkInstruction(program[pc]!, pc, length);
    if (wrong !== null) return `instruction ${pc}: ${wrong}`;
  }
  if ((program[length - 1]!.code & 7) !== RET) return 'no return at the end';
  return checkMemory(program);
}

function checkInstruction({ code, jt, jf, k }: BpfInstruction, pc: number, length: number): string | null {
  if (!VALID.has(code)) return `opcode ${code}`;
  const kind = code & 7;
  const op = code & 0xf0;
  if (kind === ALU && (code & X) === 0) {
    if ((op === DIV || op === MOD) && k === 0) return 'a division by 0';
    if ((op === LSH || op === RSH) && k >= 32) return `a shift by ${k}`;
  }
  const memory = kind === ST || kind === STX || ((kind === LD || kind === LDX) && (code & 0xe0) === MEM);
  if (memory && k >= MEMWORDS) return `memory word ${k}`;
  if (code === (JMP | JA) && k >= length - pc - 1) return 'a jump beyond the end';
  if (kind === JMP && op !== JA && Math.max(jt, jf) + pc + 1 >= length) return 'a jump beyond the end';
  const unknown = kind === LD && (code & 0xe0) === ABS && k >= ANCILLARY && !ANCILLARIES.has(k - ANCILLARY);
  return unknown ? `ancillary load ${k - ANCILLARY}` : null;
}

const ANCILLARIES: ReadonlySet<number> = new Set([
  AD_PROTOCOL,
  AD_PKTTYPE,
  AD_IFINDEX,
  AD_MARK,
  AD_QUEUE,
  AD_HATYPE,
  AD_RXHASH,
  AD_CPU,
  AD_ALU_XOR_X,
  AD_VLAN_TAG,
  AD_VLAN_PRESENT,
  AD_PAY_OFFSET,
  AD_RANDOM,
  AD_VLAN_TPID,
]);

/** A word of memory may only be read where every way there has written it. */
function checkMemory(program: readonly BpfInstruction[]): string | null {
  const masks = new Uint16Array(program.length).fill(0xffff);
  let written = 0;
  for (let pc = 0; pc < program.length; pc++) {
    written &= masks[pc]!;
    const { code, jt, jf, k } = program[pc]!;
    const kind = code & 7;
    if (kind === ST || kind === STX) written |= 1 << k;
    else if ((kind === LD || kind === LDX) && (code & 0xe0) === MEM) {
      if ((written & (1 << k)) === 0) return `instruction ${pc}: memory word ${k} before it is written`;
    } else if (kind === JMP) {
      const targets = code === (JMP | JA) ? [k] : [jt, jf];
      for (const target of targets) masks[pc + 1 + target]! &= written;
      written = 0xffff;
    }
  }
  return null;
}

/** Four integers an instruction. */
export const compileBpf = (program: readonly BpfInstruction[]): number[] =>
  program.flatMap(({ code, jt, jf, k }) => [code, jt, jf, k]);

const memory = new Uint32Array(MEMWORDS);
/** Set by a load that finds nothing: the program returns 0. */
let failed = false;

/** Run over the packet from its network header on; what it returns (uint32). Runs per packet: no allocation. */
export function runBpf(code: Int32Array, start: number, pkt: Packet, scope: Evaluation): number {
  let a = 0;
  let x = 0;
  failed = false;
  for (let pc = start; ; pc += 4) {
    const op = code[pc]!;
    const k = code[pc + 3]! >>> 0;
    switch (op & 7) {
      case LD:
        a = loadA(op, k, a, x, pkt, scope);
        break;
      case LDX:
        x = loadX(op, k, pkt);
        break;
      case ST:
        memory[k] = a;
        break;
      case STX:
        memory[k] = x;
        break;
      case ALU: {
        const operand = (op & X) !== 0 ? x : k;
        if (operand === 0 && ((op & 0xf0) === DIV || (op & 0xf0) === MOD)) return 0;
        a = compute(op & 0xf0, a, operand);
        break;
      }
      case JMP:
        pc += 4 * (op === (JMP | JA) ? k : code[pc + (jumps(op, a, (op & X) !== 0 ? x : k) ? 1 : 2)]!);
        break;
      case RET:
        return (op & RET_A) !== 0 ? a : k;
      default:
        if (op === (MISC | TXA)) a = x;
        else x = a;
    }
    if (failed) return 0;
  }
}

function loadA(op: number, k: number, a: number, x: number, pkt: Packet, scope: Evaluation): number {
  switch (op & 0xe0) {
    case IMM:
      return k;
    case MEM:
      return memory[k]!;
    case LEN:
      return pkt.end - pkt.l3;
    case ABS:
      return k >= ANCILLARY ? ancillary(k - ANCILLARY, a, x, pkt, scope) : load(op & 0x18, k, pkt);
    default:
      return load(op & 0x18, (k + x) >>> 0, pkt);
  }
}

function loadX(op: number, k: number, pkt: Packet): number {
  switch (op & 0xe0) {
    case IMM:
      return k;
    case MEM:
      return memory[k]!;
    case LEN:
      return pkt.end - pkt.l3;
    default:
      return (load(B, k, pkt) & 15) << 2;
  }
}

/** Bytes at an offset: of the network header's, or the link header's when it is negative. */
function load(size: number, offset: number, pkt: Packet): number {
  const { view, l2, l3, end } = pkt;
  const bytes = size === W ? 4 : size === H ? 2 : 1;
  let at = l3 + offset;
  if (offset >= NETWORK) at = l3 + offset - NETWORK;
  else if (offset >= LINK) at = l2 < 0 ? end : l2 + offset - LINK;
  if (at + bytes > end) {
    failed = true;
    return 0;
  }
  if (size === W) return view.getUint32(at);
  return size === H ? view.getUint16(at) : view.getUint8(at);
}

function ancillary(what: number, a: number, x: number, pkt: Packet, { ns }: Evaluation): number {
  switch (what) {
    case AD_PROTOCOL:
      return pkt.protocol;
    case AD_PKTTYPE:
      return pkt.pktType;
    case AD_IFINDEX:
      return pkt.iif || pkt.oif;
    case AD_MARK:
      return pkt.mark >>> 0;
    case AD_HATYPE:
      return ns.devices[pkt.iif || pkt.oif]!.loopback ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
    case AD_ALU_XOR_X:
      return (a ^ x) >>> 0;
    case AD_PAY_OFFSET:
      return pkt.l4 < 0 ? 0 : pkt.l4 - pkt.l3;
    case AD_RANDOM:
      return ns.random.u32();
    default:
      return 0;
  }
}

function compute(op: number, a: number, operand: number): number {
  switch (op) {
    case ADD:
      return (a + operand) >>> 0;
    case SUB:
      return (a - operand) >>> 0;
    case MUL:
      return Math.imul(a, operand) >>> 0;
    case DIV:
      return Math.floor(a / operand);
    case MOD:
      return a % operand;
    case OR:
      return (a | operand) >>> 0;
    case AND:
      return (a & operand) >>> 0;
    case LSH:
      return (a << operand) >>> 0;
    case RSH:
      return a >>> operand;
    case XOR:
      return (a ^ operand) >>> 0;
    default:
      return -a >>> 0;
  }
}

function jumps(op: number, a: number, operand: number): boolean {
  switch (op & 0xf0) {
    case JEQ:
      return a === operand;
    case JGT:
      return a > operand;
    case JGE:
      return a >= operand;
    default:
      return (a & operand) !== 0;
  }
}
