import { describe, expect, test } from 'vitest';
import * as sum from '../../src/packet/checksum.ts';
import { type Host, hex, ip, ipv4Frame, router } from './host.ts';

interface Segment {
  readonly flags: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly options?: readonly number[];
  readonly data?: number;
  readonly tos?: number;
}

/** A segment from 10.0.1.2:5 to 10.0.1.1:6 with a right checksum. */
function segment({ flags, seq = 1000, ack = 2000, options = [], data = 0, tos = 0 }: Segment): Uint8Array {
  const length = 20 + options.length + data;
  const bytes = new Uint8Array(length);
  const v = new DataView(bytes.buffer);
  v.setUint16(0, 5);
  v.setUint16(2, 6);
  v.setUint32(4, seq);
  v.setUint32(8, ack);
  v.setUint8(12, ((20 + options.length) / 4) << 4);
  v.setUint8(13, flags);
  bytes.set(options, 20);
  const pseudo = new DataView(new ArrayBuffer(8));
  pseudo.setInt32(0, ip('10.0.1.2'));
  pseudo.setInt32(4, ip('10.0.1.1'));
  v.setUint16(16, sum.finish(sum.add(v, 0, length, sum.pseudo4(pseudo, 0, 6, length))));
  return ipv4Frame({ dst: '10.0.1.1', protocol: 6, payload: bytes, tos });
}

const answer = (fields: Segment, host: Host = router()): string =>
  host
    .inject('eth0', segment(fields))
    .map(({ bytes }) => hex(bytes.slice(14)))
    .join();

describe('a closed port', () => {
  test('resets a SYN: sequence 0, everything acknowledged', () => {
    expect(answer({ flags: 2 })).toBe(
      '4500002800004000400624ce0a0001010a000102' + '0006000500000000000003e950140000' + '95da0000',
    );
  });

  test.each<[string, Segment, string]>([
    ['with ACK: its ack is the sequence', { flags: 0x10, data: 4 }, '000007d0000000005004'],
    ['without: data and FIN count', { flags: 1, data: 4 }, '00000000000003ed5014'],
    ['the sequence wraps', { flags: 2, seq: 0xffffffff }, '00000000000000005014'],
  ])('%s', (_, fields, want) => {
    expect(answer(fields).slice(48, 68)).toBe(want);
  });

  test.each<[string, Segment]>([
    ['a reset', { flags: 4 }],
    ['a segment that is signed (MD5)', { flags: 2, options: [19, 18, ...new Array<number>(18).fill(0)] }],
    ['options that cannot be read', { flags: 2, options: [77, 1, ...new Array<number>(18).fill(9)] }],
  ])('says nothing to %s', (_, fields) => {
    expect(answer(fields)).toBe('');
  });

  test('copies the TOS but not the ECN bits', () => {
    expect(answer({ flags: 2, tos: 0x2b }).slice(2, 4)).toBe('28');
  });

  test('a wrong checksum is dropped', () => {
    const frame = segment({ flags: 2 });
    frame[50]! ^= 1;
    expect(router().inject('eth0', frame)).toEqual([]);
  });
});

test('a listener takes a SYN in silence, and resets what acknowledges nothing', () => {
  const host = router();
  host.ns.sockets.listen(6, 6);
  expect(answer({ flags: 2 }, host)).toBe('');
  expect(answer({ flags: 0x10 }, host)).not.toBe('');
});
