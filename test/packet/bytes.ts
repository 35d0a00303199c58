/** Bytes as hex, and the inverse property that every protocol file keeps. @module */
import * as fc from 'fast-check';
import { expect } from 'vitest';

export const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const viewOf = (bytes: Uint8Array | string): DataView => {
  const b = typeof bytes === 'string' ? bytesOf(bytes) : bytes;
  return new DataView(b.buffer, b.byteOffset, b.byteLength);
};

export const u8: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xff });
export const u16: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffff });
export const u32: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffffffff });
export const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
export const ip4: fc.Arbitrary<string> = fc.tuple(u8, u8, u8, u8).map((octets) => octets.join('.'));
export const mac: fc.Arbitrary<string> = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((b) => Array.from(b, (n) => n.toString(16).padStart(2, '0')).join(':'));
/** Bytes in multiples of four. */
export const words = (max: number): fc.Arbitrary<Uint8Array> =>
  fc.integer({ min: 0, max: max / 4 }).chain((n) => fc.uint8Array({ minLength: 4 * n, maxLength: 4 * n }));

/** `fc.assert` for a synchronous property. */
export function holds<T>(property: fc.IProperty<T>, parameters?: fc.Parameters<T>): void {
  void fc.assert(property, parameters);
}

interface Protocol<T> {
  check(v: DataView, at: number, end: number): number;
  parse(v: DataView, at: number, end: number): T;
  emit(header: T, v: DataView, at: number): unknown;
}

/** What `emit` writes at an odd place passes `check`, `parse` gives it back, and no byte around it has changed. */
export function inverse<T>(protocol: Protocol<T>, headers: fc.Arbitrary<T>, size: (header: T) => number): void {
  holds(
    fc.property(headers, (header) => {
      const at = 3;
      const end = at + size(header);
      const bytes = new Uint8Array(end + 2);
      const v = new DataView(bytes.buffer);
      bytes[at - 1] = 0xaa;
      bytes[end] = 0xbb;
      protocol.emit(header, v, at);
      expect(protocol.parse(v, at, end)).toEqual(header);
      expect([bytes[at - 1], bytes[end]]).toEqual([0xaa, 0xbb]);
      for (let short = at; short < end; short++) expect(protocol.check(v, at, short)).not.toBe(0);
    }),
  );
}
