/** Are a frame's checksums right? Written apart from src/packet, so that it can testify against it. */

function sum(bytes: Uint8Array, from: number, to: number, initial = 0): number {
  let total = initial;
  for (let i = from; i < to; i++) total += (i - from) % 2 === 0 ? bytes[i]! << 8 : bytes[i]!;
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

const TRANSPORT = new Map([
  [1, { name: 'ICMP', pseudo: false }],
  [6, { name: 'TCP', pseudo: true }],
  [17, { name: 'UDP', pseudo: true }],
]);

function badTransport(b: Uint8Array, l3: number, l4: number, end: number): string | null {
  const transport = TRANSPORT.get(b[l3 + 9]!);
  if (transport === undefined) return null;
  if (transport.name === 'UDP' && u16(b, l4 + 6) === 0) return null;
  const pseudo = transport.pseudo ? sum(b, l3 + 12, l3 + 20, b[l3 + 9]! + end - l4) : 0;
  return sum(b, l4, end, pseudo) === 0xffff ? null : transport.name;
}

/** The protocol whose checksum is wrong in an Ethernet frame with IPv4, or null; the tunnel's inner frame too. */
export function badChecksum(b: Uint8Array, l2 = 0): string | null {
  if (u16(b, l2 + 12) !== 0x0800) return null;
  const l3 = l2 + 14;
  const l4 = l3 + (b[l3]! & 15) * 4;
  const end = l3 + u16(b, l3 + 2);
  if (sum(b, l3, l4) !== 0xffff) return 'IP';
  // A fragment's checksum covers bytes that are elsewhere.
  if ((u16(b, l3 + 6) & 0x3fff) !== 0) return null;
  const bad = badTransport(b, l3, l4, end);
  if (bad !== null) return bad;
  const isVxlan = b[l3 + 9] === 17 && u16(b, l4 + 2) === 4789 && end >= l4 + 16 + 34;
  const inner = isVxlan ? badChecksum(b, l4 + 16) : null;
  return inner === null ? null : `inner ${inner}`;
}
