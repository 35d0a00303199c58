/** Numbers in text. @module */

/** Unsigned: decimal, 0x hexadecimal or 0 octal, up to `max`; undefined when it is none. strtoul with base 0. */
export function parseUint(text: string, max: number): number | undefined {
  const octal = /^0[0-7]+$/.test(text);
  if (!octal && !/^(0|[1-9]\d*|0x[\da-f]+)$/i.test(text)) return undefined;
  const value = octal ? Number.parseInt(text, 8) : Number(text);
  return value <= max ? value : undefined;
}
