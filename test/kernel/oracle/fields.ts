/** Names for the bytes of a frame that a kernel may draw at random, and for the checksums over them. Written apart from src. */

export interface Field {
  readonly off: number;
  readonly len: number;
  readonly field: string;
}

const VXLAN_PORTS = [4789, 8472];
const ICMP_ERRORS = [3, 4, 5, 11, 12];

/** Fields of `b` from the Ethernet header at `at` on. */
export function fieldsOf(b: Uint8Array, at = 0, prefix = ''): Field[] {
  let l2 = at + 12;
  while (l2 + 6 <= b.length && [0x8100, 0x88a8].includes(u16(b, l2))) l2 += 4;
  if (l2 + 2 > b.length) return [];
  if (u16(b, l2) === 0x86dd) return fragmentId(b, l2 + 2, prefix);
  return u16(b, l2) === 0x0800 ? ipFields(b, l2 + 2, prefix) : [];
}

/** IPv6 has an id in its fragments only. */
const fragmentId = (b: Uint8Array, at: number, prefix: string): Field[] =>
  b[at + 6] === 44 && b.length >= at + 48 ? [{ off: at + 44, len: 4, field: `${prefix}ip6.id` }] : [];

const u16 = (b: Uint8Array, at: number): number => (b[at]! << 8) | b[at + 1]!;

function ipFields(b: Uint8Array, at: number, prefix: string): Field[] {
  if (b.length < at + 20) return [];
  const name = (field: string) => prefix + field;
  const l4 = at + (b[at]! & 15) * 4;
  const fields = [
    { off: at + 4, len: 2, field: name('ip.id') },
    { off: at + 10, len: 2, field: name('ip.csum') },
    ...timestamps(b, at + 20, Math.min(l4, b.length), name('ip.ts')),
  ];
  const isLater = (u16(b, at + 6) & 0x1fff) !== 0;
  return isLater || b.length < l4 + 8 ? fields : [...fields, ...transportFields(b, b[at + 9]!, l4, prefix)];
}

function timestamps(b: Uint8Array, from: number, to: number, field: string): Field[] {
  const found: Field[] = [];
  for (let at = from; at < to && b[at] !== 0; ) {
    const length = b[at] === 1 ? 1 : b[at + 1]!;
    if (length < 1 || at + length > to) break;
    const isPaired = b[at] === 68 && (b[at + 3]! & 15) !== 0;
    for (let word = at + 4; b[at] === 68 && word + 4 <= at + length; word += 4) {
      if (!isPaired || (word - at) % 8 === 0) found.push({ off: word, len: 4, field });
    }
    at += length;
  }
  return found;
}

function transportFields(b: Uint8Array, protocol: number, l4: number, prefix: string): Field[] {
  const ports = (name: string, csum: number) => [
    { off: l4, len: 2, field: `${prefix}${name}.sport` },
    { off: l4 + 2, len: 2, field: `${prefix}${name}.dport` },
    ...(b.length >= l4 + csum + 2 ? [{ off: l4 + csum, len: 2, field: `${prefix}${name}.csum` }] : []),
  ];
  if (protocol === 6) return ports('tcp', 16);
  if (protocol === 17) {
    const inner = VXLAN_PORTS.includes(u16(b, l4 + 2)) && prefix === '' ? fieldsOf(b, l4 + 16, 'in.') : [];
    return [...ports('udp', 6), ...inner];
  }
  if (protocol !== 1) return [];
  const icmp = [
    { off: l4 + 2, len: 2, field: `${prefix}icmp.csum` },
    { off: l4 + 4, len: 2, field: `${prefix}icmp.id` },
  ];
  if (!prefix.endsWith('icmp.') && ICMP_ERRORS.includes(b[l4]!)) {
    return [...icmp, ...ipFields(b, l4 + 8, `${prefix}icmp.`)];
  }
  return b.length > l4 + 8 ? [...icmp, { off: l4 + 8, len: b.length - l4 - 8, field: `${prefix}icmp.data` }] : icmp;
}

/** Checksums that cover a field of `random`. */
export function checksumsOver(random: readonly Field[], all: readonly Field[]): Field[] {
  return all.filter(({ field, off }) => {
    if (!field.endsWith('.csum')) return false;
    const header = field.slice(0, -'csum'.length);
    const covers = (other: Field): boolean =>
      other.off !== off && (other.field.startsWith(header) || (header === 'udp.' && other.field.startsWith('in.')));
    return random.some(covers);
  });
}
