/** What SNPT and DNPT share: stateless translation of IPv6 prefixes, RFC 6296; net/ipv6/netfilter/ip6t_NPT.c. @module */
import { NF_DROP } from '../net/hook.ts';
import { type Address6, format6, mask6, parse6 } from '../packet/address.ts';
import { type Given, type Target, XT_CONTINUE } from './extension.ts';

const MAX_LENGTH = 64;

/** A prefix of at most 64 bits, the rest of its address zero. */
export interface Prefix6 {
  readonly address: Address6;
  readonly length: number;
}

/** The prefix within, and the one that the world outside sees. */
export interface Npt {
  readonly src: Prefix6;
  readonly dst: Prefix6;
}

function parsePrefix(given: Given, option: string): Prefix6 {
  const [text = '', bits = ''] = given.text(option).split('/');
  const address = parse6(text);
  const length = /^\d+$/.test(bits) ? Number(bits) : -1;
  if (address === undefined || length < 0 || length > MAX_LENGTH)
    return given.fail(`${given.text(option)}, expected an IPv6 prefix of at most ${MAX_LENGTH} bits`, option);
  const mask = mask6(length);
  return { address: [address[0] & mask[0], address[1] & mask[1], address[2] & mask[2], address[3] & mask[3]], length };
}

/** The sum of an address as 16-bit words, folded. */
function sum(address: Address6): number {
  let total = 0;
  for (const word of address) total += (word >>> 16) + (word & 0xffff);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** The longer length, the adjustment that keeps checksums right, and the new prefix. */
const compileNpt = ({ src, dst }: Npt): number[] => [
  Math.max(src.length, dst.length),
  addOnes(sum(src.address), ~sum(dst.address) & 0xffff),
  ...dst.address,
];

/** One's complement addition of 16 bits. */
function addOnes(a: number, b: number): number {
  const total = a + b;
  return (total & 0xffff) + (total >>> 16);
}

/** SNPT or DNPT; `offset` is where the address that it changes stands in the IPv6 header. */
export const nptTarget = (name: string, hooks: readonly string[], offset: number): Target<Npt> => ({
  name,
  families: ['ipv6'],
  tables: ['mangle'],
  hooks,
  options: [
    { name: 'src-pfx', required: true },
    { name: 'dst-pfx', required: true },
  ],
  parse: (given) => ({ src: parsePrefix(given, 'src-pfx'), dst: parsePrefix(given, 'dst-pfx') }),
  format: ({ src, dst }) =>
    `--src-pfx ${format6(src.address)}/${src.length} --dst-pfx ${format6(dst.address)}/${dst.length}`,
  compile: compileNpt,
  run: (args, at, pkt) => (mapPrefix(args, at, pkt.view, pkt.l3 + offset) ? XT_CONTINUE : NF_DROP),
});

/** Translate the address at `at`; false when no word can take the adjustment. Runs per packet. */
function mapPrefix(args: Int32Array, from: number, v: DataView, at: number): boolean {
  const length = args[from]!;
  for (let i = 0; i < 2 && 32 * i < length; i++) {
    const left = length - 32 * i;
    const host = left >= 32 ? 0 : -1 >>> left;
    v.setInt32(at + 4 * i, (v.getInt32(at + 4 * i) & host) | args[from + 2 + i]!);
  }
  let word = 3;
  if (length > 48) {
    word = 4;
    while (word < 8 && v.getUint16(at + 2 * word) === 0xffff) word++;
    if (word === 8) return false;
  }
  const adjusted = addOnes(v.getUint16(at + 2 * word), args[from + 1]!);
  v.setUint16(at + 2 * word, adjusted === 0xffff ? 0 : adjusted);
  return true;
}
