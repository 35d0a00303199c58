import { describe, expect, test } from 'vitest';
import { isUsableFor, labelOf, maskIn6, scopeOf, solicitedNode } from '../../src/net/in6.ts';
import { ip6, router6, text6 } from './host6.ts';

describe('kinds of addresses', () => {
  test('scopes', () => {
    expect(
      ['::', '::1', 'fe80::1', 'fec0::1', 'fd00::1', '2001:db8::1', 'ff05::1'].map((a) => scopeOf(ip6(a))),
    ).toEqual([-1, 2, 2, 5, 14, 14, 5]);
  });

  test('labels of RFC 6724', () => {
    const labels = [
      '::1',
      '2001:db8::1',
      '::ffff:1.2.3.4',
      '2002::1',
      '2001::1',
      'fc00::1',
      'fec0::1',
      '3ffe::1',
      '::5',
    ];
    expect(labels.map((a) => labelOf(ip6(a)))).toEqual([0, 1, 4, 2, 6, 5, 11, 12, 3]);
  });

  test('solicited-node groups and prefixes', () => {
    expect(text6(solicitedNode(ip6('fd00::1:2345:6789'), ip6('::')))).toBe('ff02::1:ff45:6789');
    expect(text6(maskIn6(ip6('fd00:1:2:3:ffff::1'), 67))).toBe('fd00:1:2:3:e000::');
    expect(text6(maskIn6(ip6('ffff::1'), 0))).toBe('::');
  });

  test("REDIRECT takes an address of the destination's scope", () => {
    expect(isUsableFor(ip6('fe80::1'), ip6('fe80::2'))).toBe(true);
    expect(isUsableFor(ip6('fd00::1'), ip6('ff02::1'))).toBe(false);
    expect(isUsableFor(ip6('fe80::1'), ip6('2001:db8::1'))).toBe(true);
    expect(isUsableFor(ip6('::ffff:1.2.3.4'), ip6('2001:db8::1'))).toBe(false);
  });
});

describe('source selection', () => {
  const select = (dst: string, more: readonly string[] = []): string => {
    const { ip, eth0, eth1 } = router6();
    for (const address of more) ip.addresses.add(eth1, ip6(address), 64);
    const source = ip.addresses.select(eth0, ip6(dst));
    expect(eth1.up).toBe(true);
    return source === null ? 'none' : text6(source);
  };

  test('an own address is its own source', () => expect(select('fd00:2::1')).toBe('fd00:2::1'));
  test('link-local for link-local, and for a group of the link', () => {
    expect(select('fe80::7')).toBe('fe80::a1');
    expect(select('ff02::1')).toBe('fe80::a1');
  });
  test('the device that the packet leaves by comes before the label', () => {
    expect(select('2001:db8::7', ['2001:db8::1'])).toBe('fd00:1::1');
  });
  test('none where there is no address at all', () => {
    const { ip, eth0, eth1, host } = router6();
    for (const ifaddr of ip.addresses.list()) ip.addresses.remove(ifaddr);
    expect(ip.addresses.select(eth0, ip6('fd00::1'))).toBe(null);
    expect(ip.addresses.of(eth1)).toEqual([]);
    expect(host.ns.ipv6).toBe(ip);
  });
});

describe('groups and anycast', () => {
  test('come and go with addresses and with forwarding', () => {
    const { ip, eth0, host } = router6();
    const member = (group: string): boolean => ip.addresses.isMember(eth0, ip6(group));
    expect(
      ['ff02::1', 'ff02::2', 'ff05::2', 'ff02::1:ff00:1', 'ff02::1:ff00:a1', 'ff02::1:ff00:7'].map(member),
    ).toEqual([true, true, false, true, true, false]);
    expect(ip.addresses.isAnycastOn(eth0, ip6('fd00:1::'))).toBe(true);
    expect(ip.addresses.isAnycast(eth0, ip6('fe80::'))).toBe(true);
    host.ns.sysctl.set('net.ipv6.conf.eth0.forwarding', 0);
    expect(ip.addresses.isAnycastOn(eth0, ip6('fd00:1::'))).toBe(false);
    expect(member('ff02::2')).toBe(false);
    host.ns.sysctl.set('net.ipv6.conf.eth0.forwarding', 1);
    expect([member('ff02::2'), member('ff05::2')]).toEqual([true, true]);
    ip.addresses.remove(ip.addresses.of(eth0).find(({ address }) => text6(address) === 'fe80::a1')!);
    expect(member('ff02::1:ff00:a1')).toBe(false);
  });

  test('an address twice on a device, or on one without IPv6, is refused', () => {
    const { ip, eth0, host } = router6();
    expect(() => ip.addresses.add(eth0, ip6('fd00:1::1'), 64)).toThrow('address already assigned');
    host.ns.sysctl.set('net.ipv6.conf.eth0.disable_ipv6', 1);
    expect(ip.isDisabled(eth0)).toBe(true);
    expect(() => ip.addresses.add(eth0, ip6('fd00:1::1'), 64)).toThrow('IPv6 is disabled on this device.');
    host.ns.sysctl.set('net.ipv6.conf.eth0.disable_ipv6', 0);
    expect(ip.addresses.add(eth0, ip6('fd00:1::1'), 64).scope).toBe(14);
  });

  test('link-local addresses of the MAC where settings want them', () => {
    const { ip, host } = router6({ 'net.ipv6.conf.default.addr_gen_mode': 0 });
    const dev = host.port('eth9', '02:00:00:00:09:01', []);
    expect(text6(ip.addresses.linkLocal(dev)!)).toBe('fe80::ff:fe00:901');
  });
});
