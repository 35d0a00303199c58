import { describe, expect, test } from 'vitest';
import { type Host, hex, ipv4Frame, router } from './host.ts';

const LSRR = 0x83;
const SSRR = 0x89;

function routed(): Host {
  const host = router();
  host.ns.sysctl.set('net.ipv4.conf.all.accept_source_route', 1);
  return host;
}

/** To this host, with a route that goes on to the given hops. */
const frame = (kind: number, pointer: number, hops: readonly number[][]): Uint8Array => {
  const option = [kind, 3 + 4 * hops.length, pointer, ...hops.flat()];
  while (option.length % 4 !== 0) option.push(0);
  return ipv4Frame({ dst: '10.0.1.1', options: option });
};

describe('source routes', () => {
  test('are not followed unless allowed', () => {
    expect(router().inject('eth0', frame(LSRR, 4, [[10, 0, 2, 2]]))).toEqual([]);
  });

  test('the next hop becomes the destination, our address takes its place', () => {
    const [sent] = routed().inject('eth0', frame(LSRR, 4, [[10, 0, 2, 2]]));
    expect(sent!.port).toBe('eth1');
    expect(hex(sent!.bytes.slice(30, 34))).toBe('0a000202');
    expect(hex(sent!.bytes.slice(34, 42))).toBe('8307080a00020100');
  });

  test('hops that are this host are passed over', () => {
    const hops = [
      [10, 0, 2, 1],
      [10, 0, 2, 2],
    ];
    const [sent] = routed().inject('eth0', frame(LSRR, 4, hops));
    expect(hex(sent!.bytes.slice(30, 34))).toBe('0a000202');
    expect(hex(sent!.bytes.slice(34, 46))).toBe('830b0c0a0002010a00020100');
  });

  test('a strict one that is not for us is a parameter problem at the destination', () => {
    const strict = ipv4Frame({ options: [SSRR, 7, 4, 10, 0, 2, 3, 0] });
    const [error] = routed().inject('eth0', strict);
    expect([error!.bytes[34], error!.bytes[35], error!.bytes[38]]).toEqual([12, 0, 16]);
  });

  test('one that is cut short is told where', () => {
    const cut = ipv4Frame({ dst: '10.0.1.1', options: [LSRR, 6, 4, 10, 0, 2, 0, 0] });
    const [error] = routed().inject('eth0', cut);
    expect([error!.bytes[34], error!.bytes[38]]).toEqual([12, 22]);
  });
});
