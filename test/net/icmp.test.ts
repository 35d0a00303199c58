import { describe, expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../../src/sim/clock.ts';
import { type Host, hex, ipv4Frame, router, udp } from './host.ts';

const data = (length: number): Uint8Array => new Uint8Array(length).fill(0x61);
/** Without the IP id and the header checksum, which begin at random. */
const plain = (frame: Uint8Array): string => {
  const copy = frame.slice();
  copy.fill(0, 18, 20);
  copy.fill(0, 24, 26);
  return hex(copy);
};

/** An echo request whose checksum is right. */
function echo(host: Host, dst: string, tos = 0): readonly { bytes: Uint8Array }[] {
  const payload = Uint8Array.of(8, 0, 0, 0, 0, 1, 0, 2);
  new DataView(payload.buffer).setUint16(2, ~(0x0800 + 1 + 2) & 0xffff);
  return host.inject('eth0', ipv4Frame({ dst, protocol: 1, payload, tos }));
}

describe('errors', () => {
  test('a port nobody is bound to, byte for byte', () => {
    const [error] = router().inject('eth0', ipv4Frame({ dst: '10.0.1.1', protocol: 17, payload: udp(7, 9, data(4)) }));
    expect(plain(error!.bytes)).toBe(
      '020000000102020000000101080045c0003c000000004001' +
        '00000a0001010a000102' +
        '03033a1e00000000' +
        '45000020000100004011' +
        '64ca0a0001020a000101' +
        '00070009000c000061616161',
    );
  });

  test('quotes as much as fits into 576 bytes', () => {
    const [error] = router().inject('eth0', ipv4Frame({ dst: '10.99.0.1', payload: data(1400) }));
    expect(error!.bytes.length).toBe(14 + 576);
    expect([error!.bytes[34], error!.bytes[35]]).toEqual([3, 0]);
  });

  test.each([
    ['later fragments', { ttl: 1, fragment: 5 }],
    ['an ICMP error', { ttl: 1, protocol: 1, payload: Uint8Array.of(3, 1, 0xfc, 0xfe, 0, 0, 0, 0) }],
    ['an ICMP type that is not known', { ttl: 1, protocol: 1, payload: Uint8Array.of(40, 0, 0xd7, 0xff, 0, 0, 0, 0) }],
    ['a broadcast', { dst: '10.0.1.255', protocol: 17, payload: udp(7, 9, data(4)) }],
    [
      'a frame to all stations',
      { dst: '10.0.1.1', mac: 'ff:ff:ff:ff:ff:ff', protocol: 17, payload: udp(7, 9, data(4)) },
    ],
  ])('nothing is said about %s', (_, frame) => {
    expect(router().inject('eth0', ipv4Frame(frame))).toEqual([]);
  });

  test('TTL, and the precedence in the TOS', () => {
    const [error] = router().inject('eth0', ipv4Frame({ ttl: 1, tos: 0xb8 }));
    expect([error!.bytes[34], error!.bytes[15], error!.bytes[50]]).toEqual([11, 0xd8, 1]);
  });

  test('route errors: five at once, then one a second', () => {
    const host = router();
    host.ns.sysctl.set('net.ipv4.route.error_cost', 250);
    const lost = (): number => host.inject('eth0', ipv4Frame({ dst: '10.99.0.1' })).length;
    expect([1, 2, 3, 4, 5, 6, 7].map(lost)).toEqual([1, 1, 1, 1, 1, 0, 0]);
    host.wait(SECOND);
    expect([lost(), lost()]).toEqual([1, 0]);
  });

  test('icmp_ratelimit: six at once, then one for each interval, but MTU errors always', () => {
    const host = router(600);
    host.ns.sysctl.set('net.ipv4.icmp_ratemask', 6168);
    const late = (): number => host.inject('eth0', ipv4Frame({ dst: '10.0.1.1', protocol: 200 })).length;
    expect(Array.from({ length: 8 }, late)).toEqual([1, 1, 1, 1, 1, 1, 0, 0]);
    const big = (): number => host.inject('eth0', ipv4Frame({ fragment: 0x4000, payload: data(1000) })).length;
    expect(Array.from({ length: 8 }, big)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    host.wait(1000 * MILLISECOND);
    expect([late(), late()]).toEqual([1, 0]);
  });

  test('redirects: once, then ever less often', () => {
    const host = router();
    host.ns.sysctl.set('net.ipv4.conf.all.send_redirects', 1);
    host.neighbour(host.ns.device('eth0')!, '10.0.1.3', '02:00:00:00:01:03');
    const back = (): string => {
      const frames = host.inject('eth0', ipv4Frame({ dst: '10.0.1.3' }));
      return frames
        .map(({ bytes }) => (bytes[23] === 1 ? `redirect ${hex(bytes.slice(34, 36))}` : 'packet'))
        .join(', ');
    };
    expect(back()).toBe('redirect 0501, packet');
    expect(back()).toBe('packet');
    host.wait(50 * MILLISECOND);
    expect(back()).toBe('redirect 0501, packet');
    host.wait(50 * MILLISECOND);
    expect(back()).toBe('packet');
  });
});

describe('echo', () => {
  test('is answered from the address that was asked, with its TOS', () => {
    const [reply] = echo(router(), '10.0.2.1', 0x28);
    expect(plain(reply!.bytes)).toBe(
      '0200000001020200000001010800452800' + '1c000000004001' + '00000a0002010a000102' + '0000fffc00010002',
    );
  });

  test('of nothing but zeros has the checksum 0', () => {
    const host = router();
    const payload = Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0);
    const [reply] = host.inject('eth0', ipv4Frame({ dst: '10.0.1.1', protocol: 1, payload }));
    expect(hex(reply!.bytes.slice(34, 42))).toBe('0000000000000000');
  });

  test.each([
    ['10.0.1.255', 1, 0],
    ['10.0.1.255', 0, 1],
    ['224.0.0.1', 1, 0],
  ])('to %s with icmp_echo_ignore_broadcasts=%i: %i answers', (dst, ignore, answers) => {
    const host = router();
    host.ns.sysctl.set('net.ipv4.icmp_echo_ignore_broadcasts', ignore);
    expect(echo(host, dst)).toHaveLength(answers);
  });

  test('the host pings itself over lo', () => {
    const host = router();
    const frame = ipv4Frame({ src: '10.0.1.1', dst: '10.0.2.1', protocol: 200 }).slice(14);
    expect(host.ns.ip.sendRaw(host.pool.from(frame)!)).toBe(0);
    expect(host.settle()).toEqual([]);
    expect(host.pool.live).toBe(0);
  });
});
