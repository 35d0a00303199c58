import { describe, expect, test } from 'vitest';
import { INPUT, NF_ACCEPT, PREROUTING } from '../../src/net/hook.ts';
import { type ReasonName, reason } from '../../src/packet/reason.ts';
import { SECOND } from '../../src/sim/clock.ts';
import { Random } from '../../src/sim/random.ts';
import { type Host, hex, ip, ipv4Frame, readIpv4, router, udp } from './host.ts';

const drops = (host: Host, name: ReasonName): number => host.ns.drops[reason(name)]!;

function dropped(frame: Uint8Array, prepare: (host: Host) => void = () => {}): string[] {
  const host = router();
  prepare(host);
  host.inject('eth0', frame);
  const names: ReasonName[] = ['OTHERHOST', 'IP_INHDR', 'IP_CSUM', 'PKT_TOO_SMALL', 'IP_RPFILTER', 'IP_LOCAL_SOURCE'];
  names.push('IP_INVALID_SOURCE', 'IP_INVALID_DEST', 'IP_LOCALNET', 'UNHANDLED_PROTO', 'IPV6DISABLED', 'NOT_SPECIFIED');
  names.push('IP_INNOROUTES', 'IP_NOPROTO', 'NO_SOCKET', 'CONSUMED');
  expect(host.pool.live).toBe(0);
  return names.filter((name) => drops(host, name) > 0);
}

const change = (frame: Uint8Array, at: number, ...bytes: number[]): Uint8Array => {
  frame.set(bytes, at);
  return frame;
};

describe('what is dropped, and why', () => {
  test.each<[string, Uint8Array, string]>([
    ['another station', ipv4Frame({ mac: '02:99:00:00:00:01' }), 'OTHERHOST'],
    ['a wrong header checksum', change(ipv4Frame(), 24, 0, 0), 'IP_CSUM'],
    ['version 6 under type 0800', change(ipv4Frame(), 14, 0x65), 'IP_INHDR'],
    ['a total length beyond the frame', ipv4Frame({ payload: new Uint8Array(40) }).slice(0, 60), 'PKT_TOO_SMALL'],
    ['our own address as source', ipv4Frame({ src: '10.0.2.1' }), 'IP_LOCAL_SOURCE'],
    ['a multicast source', ipv4Frame({ src: '224.0.0.5' }), 'IP_INVALID_SOURCE'],
    ['source 0.0.0.0', ipv4Frame({ src: '0.0.0.0' }), 'IP_INVALID_SOURCE'],
    ['destination 0.0.0.0', ipv4Frame({ dst: '0.0.0.0' }), 'IP_INVALID_DEST'],
    ['loopback from outside', ipv4Frame({ dst: '127.0.0.1' }), 'IP_LOCALNET'],
    ['a type that nobody takes', change(ipv4Frame(), 12, 0x88, 0xb5), 'UNHANDLED_PROTO'],
    ['IPv6 where there is none', change(ipv4Frame(), 12, 0x86, 0xdd), 'IPV6DISABLED'],
    ['no route', ipv4Frame({ dst: '10.99.0.1' }), 'IP_INNOROUTES'],
    ['a protocol that nobody takes', ipv4Frame({ dst: '10.0.1.1' }), 'IP_NOPROTO'],
  ])('%s', (_, frame, why) => {
    expect(dropped(frame)).toEqual([why]);
  });

  test('rp_filter: strict asks for the same device, loose for any', () => {
    const from = (src: string, value: number): string[] =>
      dropped(ipv4Frame({ src }), (host) => host.ns.sysctl.set('net.ipv4.conf.all.rp_filter', value));
    expect(from('10.0.2.2', 1)).toEqual(['IP_RPFILTER']);
    expect(from('10.0.2.2', 2)).toEqual([]);
    expect(from('9.9.9.9', 2)).toEqual(['IP_RPFILTER']);
    expect(from('9.9.9.9', 0)).toEqual([]);
  });

  test('a frame too long is refused at the cable', () => {
    const host = router();
    const frame = (length: number): Uint8Array => ipv4Frame({ payload: new Uint8Array(length - 34) });
    const port = host.ports.get('eth0')!;
    expect(port.receive(host.pool.from(frame(1518))!)).toBe(0);
    expect(port.receive(host.pool.from(frame(1519))!)).toBe(-105);
  });
});

describe('forwarding', () => {
  test('new MACs, TTL one less, padding gone', () => {
    const frame = new Uint8Array(60);
    frame.set(ipv4Frame());
    const [sent] = router().inject('eth0', frame);
    expect(hex(sent!.bytes)).toBe('020000000202020000000201080045000014000100003ffd' + '63e90a0001020a000202');
  });

  test('VLAN 0 is a priority tag, other VLANs are not for us', () => {
    const tagged = (id: number): Uint8Array => {
      const frame = ipv4Frame();
      return Uint8Array.of(...frame.slice(0, 12), 0x81, 0, 0, id, ...frame.slice(12));
    };
    expect(router().inject('eth0', tagged(0))).toHaveLength(1);
    expect(dropped(tagged(5))).toEqual(['OTHERHOST']);
  });

  test('record route names the way out, timestamps get a time', () => {
    const [sent] = router().inject('eth0', ipv4Frame({ options: [7, 7, 4, 0, 0, 0, 0, 1] }));
    expect(hex(sent!.bytes.slice(34, 42))).toBe('0707080a00020101');
  });

  test('ip_forward=0: nothing passes and nothing is said', () => {
    const host = router();
    host.ns.sysctl.set('net.ipv4.ip_forward', 0);
    expect(host.inject('eth0', ipv4Frame())).toEqual([]);
    expect(drops(host, 'IP_INADDRERRORS')).toBe(1);
  });

  test('frames that another device sent as broadcast stay here', () => {
    expect(router().inject('eth0', ipv4Frame({ mac: 'ff:ff:ff:ff:ff:ff' }))).toEqual([]);
  });
});

describe('local sockets', () => {
  test('a listener silences the port, one for another address does not', () => {
    const send = (prepare: (host: Host) => void): number => {
      const host = router();
      prepare(host);
      return host.inject('eth0', ipv4Frame({ dst: '10.0.1.1', protocol: 17, payload: udp(7, 9, new Uint8Array(4)) }))
        .length;
    };
    expect(send(() => {})).toBe(1);
    expect(send((host) => host.ns.sockets.listen(17, 9))).toBe(0);
    expect(send((host) => host.ns.sockets.listen(17, 9, ip('10.0.2.1')))).toBe(1);
  });

  test('what is sent on lo is heard with its mark', () => {
    const host = router();
    const marks: number[] = [];
    host.ns.hooks4.register(PREROUTING, {
      priority: 0,
      run: (pkt) => {
        marks.push(pkt.mark);
        return NF_ACCEPT;
      },
    });
    host.ns.hooks4.register(INPUT, {
      priority: 0,
      run: (_, __, iif) => {
        marks.push(iif.index);
        return NF_ACCEPT;
      },
    });
    const pkt = host.pool.from(ipv4Frame({ src: '10.0.1.1', dst: '127.0.0.1', protocol: 2 }).slice(14))!;
    pkt.mark = 9;
    host.ns.ip.sendRaw(pkt);
    host.settle();
    expect(marks).toEqual([9, host.ns.loopback.index]);
  });

  test('a broadcast of our own is heard by us as well', () => {
    const host = router();
    const frame = ipv4Frame({ src: '10.0.1.1', dst: '10.0.1.255', protocol: 2 }).slice(14);
    host.ns.ip.sendRaw(host.pool.from(frame)!);
    const sent = host.settle();
    expect(sent.map(({ bytes }) => hex(bytes.slice(0, 6)))).toEqual(['ffffffffffff']);
    expect(drops(host, 'CONSUMED')).toBe(1);
    expect(host.pool.live).toBe(0);
  });

  test.each([
    ['10.99.0.1', -101],
    ['10.0.1.2', 0],
  ])('a raw send to %s gives %i', (dst, error) => {
    const host = router();
    expect(host.ns.ip.sendRaw(host.pool.from(ipv4Frame({ dst }).slice(14))!)).toBe(error);
  });
});

test('mutated frames: no exception, and every slot comes back', () => {
  const host = router(700);
  host.ns.sysctl.set('net.ipv4.conf.eth0.proxy_arp', 1);
  host.ns.sysctl.set('net.ipv4.conf.all.accept_source_route', 1);
  host.ns.fib.addRoute({ prefix: 0, length: 0, nextHops: [{ gateway: ip('10.0.2.2') }] });
  const random = new Random(20_260_101);
  const seeds = [
    ipv4Frame({ payload: new Uint8Array(900), protocol: 17 }),
    ipv4Frame({ dst: '10.0.1.1', protocol: 17, payload: udp(1, 2, new Uint8Array(100)) }),
    ipv4Frame({ dst: '10.0.1.1', protocol: 6, payload: new Uint8Array(60).fill(0x50) }),
    ipv4Frame({ dst: '10.0.1.1', fragment: 0x2000, payload: new Uint8Array(64) }),
    ipv4Frame({ options: [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0x44, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1] }),
    ipv4Frame({ options: [0x83, 11, 4, 10, 0, 1, 1, 10, 0, 2, 2, 0] }),
  ];
  for (let i = 0; i < 20_000; i++) {
    const frame = seeds[random.below(seeds.length)]!.slice();
    for (let n = random.below(5); n > 0; n--) frame[random.below(Math.min(frame.length, 70))] = random.below(256);
    // Mend the header checksum, so that most go further.
    if (random.below(4) !== 0 && frame.length >= 34) fixChecksum(frame);
    host.inject(random.below(2) === 0 ? 'eth0' : 'eth1', frame.slice(0, 14 + random.below(frame.length - 13)));
    host.inject('eth0', frame);
    if (i % 500 === 0) host.wait(SECOND);
  }
  host.wait(120 * SECOND);
  expect(host.pool.live).toBe(0);
  expect(host.ns.neigh.table.count).toBeLessThanOrEqual(1024);
  expect(readIpv4(host.inject('eth0', ipv4Frame())[0]!.bytes).ttl).toBe(63);
});

function fixChecksum(frame: Uint8Array): void {
  const hlen = Math.min((frame[14]! & 15) * 4, frame.length - 14);
  let total = 0;
  for (let i = 14; i + 1 < 14 + hlen; i += 2) if (i !== 24) total += frame[i]! * 256 + frame[i + 1]!;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  frame.set([(~total >> 8) & 255, ~total & 255], 24);
}
