import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../src/pcap/index.ts';

test('text of every plane is encoded as the platform does it and read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const bytes = encodeUtf8(text);
      expect(bytes).toEqual(new TextEncoder().encode(text));
      expect(decodeUtf8(bytes)).toBe(text);
    }),
  );
});

test('bytes that are no UTF-8 read as the platform shows them', () => {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x7f, 0x80, 0xbf, 0xc1, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xf5, 0xff));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), fc.array(byte, { maxLength: 12 }), (plain, chosen) => {
      for (const bytes of [plain, Uint8Array.from(chosen)]) expect(decodeUtf8(bytes)).toBe(decoder.decode(bytes));
    }),
    { numRuns: 2000 },
  );
});

test('a lone surrogate is written as U+FFFD', () => {
  expect(decodeUtf8(encodeUtf8('a\ud800b\udc00'))).toBe('a\ufffdb\ufffd');
});
