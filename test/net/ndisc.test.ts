import { describe, expect, test } from 'vitest';
import { parseMac } from '../../src/packet/address.ts';
import { MILLISECOND, SECOND } from '../../src/sim/clock.ts';
import { hex } from './host.ts';
import { icmp6Frame, ip6, ipv6Frame, MAC, ndFrame, type Router6, router6, shown } from './host6.ts';

const NS = 135;
const NA = 136;
const STATION = '02:00:00:00:02:09';
const OTHER = '02:00:00:00:02:0a';
const [ROUTER, SOLICITED, OVERRIDE] = [0x80, 0x40, 0x20];

const table = ({ ip }: Router6): string => ip.neigh.list().join('; ');
const toUnknown = (hops = 64): Uint8Array => ipv6Frame({ dst: 'fd00:2::9', hops });
const advertise = (router: Router6, flags: number, mac: string | null = STATION, dst = 'fd00:2::1') =>
  router.host.inject(
    'eth1',
    ndFrame(
      NA,
      'fd00:2::9',
      { src: 'fd00:2::9', dst, mac: '02:00:00:00:02:01' },
      mac === null ? null : { type: 2, mac },
      flags,
    ),
  );

describe('resolving', () => {
  test('packets wait for the answer and leave in order', () => {
    const router = router6();
    const [asked, ...more] = router.host.inject('eth0', toUnknown(64));
    expect(more).toEqual([]);
    expect(hex(asked!.bytes).slice(0, 28)).toBe('3333ff00000902000000020186dd');
    expect(shown([asked!])).toEqual(['eth1 fe80::b1 > ff02::1:ff00:9 icmp6 135/0']);
    expect(router.host.inject('eth0', toUnknown(63))).toEqual([]);
    expect(advertise(router, SOLICITED | OVERRIDE).map(({ bytes }) => bytes[21])).toEqual([63, 62]);
    expect(table(router)).toBe('fd00:2::9 dev eth1 lladdr 02:00:00:00:02:09 REACHABLE');
    expect(router.host.pool.live).toBe(0);
  });

  test('three questions, a second apart, then every sender is told', () => {
    const router = router6();
    router.host.inject('eth0', toUnknown());
    router.host.inject('eth0', toUnknown());
    expect(shown(router.host.wait(1.5 * SECOND))).toHaveLength(1);
    expect(shown(router.host.wait(2 * SECOND))).toEqual([
      'eth1 fe80::b1 > ff02::1:ff00:9 icmp6 135/0',
      'eth0 fd00:1::1 > fd00:1::2 icmp6 1/3',
      'eth0 fd00:1::1 > fd00:1::2 icmp6 1/3',
    ]);
    expect(table(router)).toBe('fd00:2::9 dev eth1 FAILED');
    expect(router.host.pool.live).toBe(0);
  });

  test('without a link-local address nobody is asked', () => {
    const router = router6();
    const { addresses } = router.ip;
    addresses.remove(addresses.of(router.eth1).at(-1)!);
    expect(router.host.inject('eth0', toUnknown())).toEqual([]);
  });
});

describe('advertisements', () => {
  const known = (flags: number, mac: string | null, dst?: string): string => {
    const router = router6();
    router.host.inject('eth0', toUnknown());
    advertise(router, SOLICITED | OVERRIDE);
    advertise(router, flags, mac, dst);
    return table(router).replace('fd00:2::9 dev eth1 lladdr ', '');
  };

  test('override, or make what is known doubtful', () => {
    expect(known(OVERRIDE, OTHER, 'ff02::1')).toBe(`${OTHER} STALE`);
    expect(known(0, OTHER, 'ff02::1')).toBe(`${STATION} STALE`);
    expect(known(SOLICITED, OTHER)).toBe(`${STATION} STALE`);
    expect(known(SOLICITED | OVERRIDE | ROUTER, OTHER)).toBe(`${OTHER} REACHABLE`);
  });

  test('without an address confirm, or tell nothing new', () => {
    expect(known(SOLICITED, null)).toBe(`${STATION} REACHABLE`);
    expect(known(SOLICITED | OVERRIDE, OTHER, 'ff02::1')).toBe(`${STATION} REACHABLE`);
  });

  test('of who was not asked for are heeded where settings say so', () => {
    const learnt = (settings: Record<string, number>): string => {
      const router = router6(settings);
      advertise(router, OVERRIDE);
      return table(router);
    };
    expect(learnt({})).toBe('');
    expect(learnt({ 'net.ipv6.conf.eth1.accept_untracked_na': 1 })).toBe(`fd00:2::9 dev eth1 lladdr ${STATION} STALE`);
    expect(learnt({ 'net.ipv6.conf.eth1.accept_untracked_na': 2 })).toBe('');
    const drops = { 'net.ipv6.conf.eth1.accept_untracked_na': 1, 'net.ipv6.conf.eth1.drop_unsolicited_na': 1 };
    expect(learnt(drops)).toBe('');
  });
});

describe('solicitations', () => {
  const ask = (router: Router6, target: string, fields: object = {}, mac: string | null = '02:00:00:00:01:07') =>
    shown(
      router.host.inject(
        'eth0',
        ndFrame(
          NS,
          target,
          { src: 'fd00:1::7', dst: 'ff02::1:ff00:1', mac: '33:33:ff:00:00:01', ...fields },
          mac === null ? null : { type: 1, mac },
        ),
      ),
    );

  test('are answered for own and anycast addresses, and teach', () => {
    const router = router6();
    expect(ask(router, 'fd00:1::1')).toEqual(['eth0 fd00:1::1 > fd00:1::7 icmp6 136/0']);
    expect(table(router)).toBe('fd00:1::7 dev eth0 lladdr 02:00:00:00:01:07 DELAY');
    expect(ask(router, 'fd00:1::8')).toEqual([]);
    expect(ask(router, 'fd00:1::1', { src: '::' }, null)).toEqual(['eth0 fd00:1::1 > ff02::1 icmp6 136/0']);
    expect(ask(router, 'fd00:1::', { dst: 'fd00:1::1', mac: MAC })).toEqual(['eth0 fd00:1::1 > fd00:1::7 icmp6 136/0']);
  });

  test('a proxy answers after a while, unless it was asked alone', () => {
    const router = router6({ 'net.ipv6.conf.all.proxy_ndp': 1 });
    router.ip.addProxy(router.eth0, ip6('fd00:1::99'));
    const group = { dst: 'ff02::1:ff00:99', mac: '33:33:ff:00:00:99' };
    expect(ask(router, 'fd00:1::99', group)).toEqual([]);
    expect(shown(router.host.wait(900 * MILLISECOND))).toEqual(['eth0 fd00:1::1 > fd00:1::7 icmp6 136/0']);
    expect(ask(router, 'fd00:1::99', { dst: 'fd00:1::99', mac: MAC })).toHaveLength(1);
    router.host.ns.sysctl.set('net.ipv6.neigh.eth0.proxy_qlen', 0);
    ask(router, 'fd00:1::99', group);
    expect(router.host.wait(SECOND)).toEqual([]);
    expect(router.host.pool.live).toBe(0);
  });

  test('a proxy takes no other packets for a link-local address', () => {
    const router = router6({ 'net.ipv6.conf.all.proxy_ndp': 1 });
    router.ip.addProxy(router.eth0, ip6('fe80::99'));
    expect(shown(router.host.inject('eth0', ipv6Frame({ dst: 'fe80::99' })))).toEqual([
      'eth0 fd00:1::1 > fd00:1::2 icmp6 1/3',
    ]);
  });
});

describe('redirects', () => {
  test('tell the sender once, with the address of the better way where it is known', () => {
    const router = router6();
    router.ip.neigh.add6(router.eth0, ip6('fd00:1::3'), parseMac('02:00:00:00:01:03')!);
    const send = () => router.host.inject('eth0', ipv6Frame({ dst: 'fd00:1::3' }));
    const first = send();
    expect(shown(first)).toEqual(['eth0 fe80::a1 > fd00:1::2 icmp6 137/0', 'eth0 fd00:1::2 > fd00:1::3 253']);
    expect(hex(first[0]!.bytes)).toContain('0201020000000103');
    // Six in a row, then one a second.
    for (let i = 0; i < 5; i++) expect(send()).toHaveLength(2);
    expect(send()).toHaveLength(1);
    router.host.wait(1.1 * SECOND);
    expect(send()).toHaveLength(2);
  });
});

test('a router solicitation and an advertisement teach where their senders are', () => {
  const router = router6();
  const option = Uint8Array.of(0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 9);
  router.host.inject('eth0', icmp6Frame(133, option, { src: 'fe80::9', dst: 'ff02::2', hops: 255 }));
  expect(table(router)).toBe('fe80::9 dev eth0 lladdr 02:00:00:00:01:09 STALE');
  const advertisement = new Uint8Array(20);
  advertisement.set(option.subarray(4), 12);
  router.host.inject('eth0', icmp6Frame(134, advertisement, { src: 'fe80::8', dst: 'ff02::1', hops: 255 }));
  expect(table(router)).toContain('fe80::8 dev eth0 lladdr 02:00:00:00:01:09 STALE');
});
