import { describe, expect, test } from 'vitest';
import { Flow } from '../../src/net/flow.ts';
import { Netns } from '../../src/net/netns.ts';
import { vethPair } from '../../src/net/veth.ts';
import { format4, parseMac } from '../../src/packet/address.ts';
import { type Host, ip, ipv4Frame, router } from './host.ts';

/** ip_route_output_key: the error, or device, next hop and source. */
function output(host: Host, fields: Partial<Flow>): string | number {
  const { routing } = host.ns.ip;
  const error = routing.route(Object.assign(new Flow(), fields));
  const { rt } = routing;
  return error !== 0 ? error : `${rt.dev!.name} ${format4(rt.nextHop)} from ${format4(rt.source)}`;
}

describe('what this host sends', () => {
  const eth1 = (host: Host): number => host.ns.device('eth1')!.index;

  test.each<[string, Partial<Flow>, string | number]>([
    ['to a neighbour', { dst: ip('10.0.2.9') }, 'eth1 10.0.2.9 from 10.0.2.1'],
    ['to itself', { dst: ip('10.0.2.1') }, 'lo 10.0.2.1 from 10.0.2.1'],
    ['to nobody', {}, 'lo 127.0.0.1 from 127.0.0.1'],
    ['without a route', { dst: ip('8.8.8.8') }, -101],
    ['from an address that is not ours', { dst: ip('10.0.2.9'), src: ip('9.9.9.9') }, -101],
    [
      'the same, and allowed',
      { dst: ip('10.0.2.9'), src: ip('9.9.9.9'), anySource: true },
      'eth1 10.0.2.9 from 9.9.9.9',
    ],
    ['from 127.0.0.1 to outside', { dst: ip('10.0.2.9'), src: ip('127.0.0.1') }, -22],
    [
      'from 127.0.0.5, which is inside our subnet',
      { dst: ip('127.0.0.1'), src: ip('127.0.0.5') },
      'lo 127.0.0.1 from 127.0.0.5',
    ],
    ['from a multicast address', { dst: ip('10.0.2.9'), src: ip('224.0.0.1') }, -22],
    ['multicast by its source', { dst: ip('224.0.0.9'), src: ip('10.0.2.1') }, 'eth1 224.0.0.9 from 10.0.2.1'],
  ])('%s', (_, fields, want) => {
    expect(output(router(), fields)).toBe(want);
  });

  test('on a device: without a route the destination is on its link', () => {
    const host = router();
    expect(output(host, { dst: ip('8.8.8.8'), oif: eth1(host) })).toBe('eth1 8.8.8.8 from 10.0.2.1');
    expect(output(host, { dst: -1, oif: eth1(host) })).toBe('eth1 255.255.255.255 from 10.0.2.1');
    expect(output(host, { dst: ip('8.8.8.8'), oif: 99 })).toBe(-19);
  });

  test('the preferred source of the route', () => {
    const host = router();
    const nextHops = [{ gateway: ip('10.0.2.2') }];
    host.ns.fib.addRoute({ prefix: ip('10.9.0.0'), length: 16, source: ip('10.0.1.1'), mtu: 900, nextHops });
    expect(output(host, { dst: ip('10.9.1.1') })).toBe('eth1 10.0.2.2 from 10.0.1.1');
    expect(host.ns.ip.mtuTo(ip('10.9.1.1'))).toBe(900);
    expect(host.ns.ip.mtuTo(ip('8.8.8.8'))).toBe(0);
  });

  test('routed again after its destination changed', () => {
    const host = router();
    const frame = (dst: string): Uint8Array => ipv4Frame({ src: '10.0.1.1', dst }).slice(14);
    const pkt = host.pool.from(frame('10.0.2.2'))!;
    pkt.l3 = pkt.data;
    expect([host.ns.ip.routeMeHarder(pkt), host.ns.devices[pkt.oif]!.name]).toEqual([true, 'eth1']);
    const lost = host.pool.from(frame('8.8.8.8'))!;
    lost.l3 = lost.data;
    expect([host.ns.ip.routeMeHarder(lost), lost.routeError]).toEqual([false, 101]);
  });
});

test('a cable to another namespace takes the bytes alone, and refuses what is too long', () => {
  const host = router();
  const other = new Netns('other', host.world);
  const mac = (last: number): Uint8Array => parseMac(`02:00:00:00:09:0${last}`)!;
  const [a, b] = vethPair(host.ns, { name: 'a', mac: mac(1), mtu: 1500 }, other, { name: 'b', mac: mac(2), mtu: 576 });
  const seen: number[] = [];
  b.handler = {
    handle: (pkt) => {
      seen.push(pkt.mark, pkt.iif, pkt.length);
      host.pool.release(pkt);
      return true;
    },
  };
  const send = (length: number): void => {
    const pkt = host.pool.from(ipv4Frame({ payload: new Uint8Array(length - 34) }))!;
    pkt.mark = 7;
    a.transmit(pkt);
    host.settle();
  };
  send(594);
  send(595);
  expect(seen).toEqual([0, b.index, 594]);
  expect(host.pool.live).toBe(0);
});
