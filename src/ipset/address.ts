/** Addresses as ipset reads and prints them: what getaddrinfo takes as numbers (`10.1` is 10.0.0.1), inet_ntop. @module */
import { parse6 } from '../packet/address.ts';

const DECIMAL = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** One to four numbers, decimal, 0x or 0, the last of them filling what is left: inet_aton. An int32, or undefined. */
function parseAton(text: string): number | undefined {
  const plain = DECIMAL.exec(text);
  const parts = plain?.slice(1) ?? text.split('.');
  if (parts.length > 4) return undefined;
  let address = 0;
  for (let i = 0; i < parts.length; i++) {
    const value = parsePart(parts[i]!);
    const last = i === parts.length - 1;
    if (value === undefined || value >= (last ? 2 ** (32 - 8 * i) : 256)) return undefined;
    address |= last ? value : value << (24 - 8 * i);
  }
  return address | 0;
}

function parsePart(text: string): number | undefined {
  if (/^(0|[1-9]\d*|0x[\da-f]+)$/i.test(text)) return Number(text);
  return /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

/** An address of `words` words, or undefined. */
export function parseWords(text: string, words: number): readonly number[] | undefined {
  if (words === 4) return parse6(text);
  const address = parseAton(text);
  return address === undefined ? undefined : [address];
}
