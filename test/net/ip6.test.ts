import { describe, expect, test } from 'vitest';
import { type HookEntry, NF_DROP, NF_STOLEN, OUTPUT, POSTROUTING } from '../../src/net/hook.ts';
import type { ReasonName } from '../../src/packet/reason.ts';
import { reason } from '../../src/packet/reason.ts';
import { SECOND } from '../../src/sim/clock.ts';
import { Trace } from '../../src/sim/trace.ts';
import { fragmentFrame, icmp6Frame, ip6, ipv6Frame, type Router6, router6, shown } from './host6.ts';

const drops = ({ host }: Router6, name: ReasonName): number => host.ns.drops[reason(name)]!;

/** A process sends a packet with a header of its own. */
function sendRaw({ host, ip }: Router6, frame: Uint8Array): number {
  const pkt = host.pool.from(frame.subarray(14))!;
  return ip.sendRaw(pkt);
}

describe('local senders', () => {
  test('are told what became of their packet', () => {
    const router = router6();
    expect(sendRaw(router, ipv6Frame({ src: 'fd00:1::1' }))).toBe(0);
    expect(shown(router.host.settle())).toEqual(['eth1 fd00:1::1 > fd00:2::2 253']);
    expect(sendRaw(router, ipv6Frame({ dst: '2001:db8::1' }))).toBe(-101);
    expect(sendRaw(router, ipv6Frame({ payload: new Uint8Array(1461) }))).toBe(-90);
    expect(sendRaw(router, ipv6Frame().subarray(0, 50))).toBe(-22);
    expect(router.host.pool.live).toBe(0);
  });

  test('nobody to speak as: EADDRNOTAVAIL', () => {
    const router = router6();
    for (const ifaddr of router.ip.addresses.list()) router.ip.addresses.remove(ifaddr);
    router.ip.fib.addRoute({ prefix: ip6('fd00:2::'), length: 64, nextHops: [{ dev: router.eth1 }] });
    expect(sendRaw(router, ipv6Frame())).toBe(-99);
  });

  test('to oneself over lo; :: means ::1', () => {
    const router = router6();
    expect(sendRaw(router, ipv6Frame({ src: 'fd00:1::1', dst: '::' }))).toBe(0);
    expect(router.host.settle()).toEqual([]);
    sendRaw(router, ipv6Frame({ src: 'fd00:1::1', dst: 'fd00:2::1' }));
    router.host.settle();
    expect(drops(router, 'IP_NOPROTO')).toBe(2);
    expect(router.host.pool.live).toBe(0);
  });

  test('hooks say no, or take the packet', () => {
    const router = router6();
    const { hooks6 } = router.host.ns;
    const entry = (verdict: typeof NF_DROP | typeof NF_STOLEN): HookEntry => ({
      priority: 0,
      run: (pkt) => {
        if (verdict === NF_STOLEN) router.host.pool.release(pkt);
        return verdict;
      },
    });
    for (const hook of [OUTPUT, POSTROUTING]) {
      for (const [verdict, errno] of [
        [NF_DROP, -1],
        [NF_STOLEN, 0],
      ] as const) {
        const registered = entry(verdict);
        hooks6.register(hook, registered);
        expect(sendRaw(router, ipv6Frame())).toBe(errno);
        hooks6.unregister(hook, registered);
      }
    }
    expect(router.host.pool.live).toBe(0);
  });
});

describe('errors', () => {
  const unreachable = () => ipv6Frame({ dst: '2001:db8::1' });

  test('are limited: six at once, then one each time the limit has passed, for each receiver', () => {
    const router = router6({ 'net.ipv6.icmp.ratelimit': 1000 });
    const answered = () => router.host.inject('eth0', unreachable()).length;
    expect(Array.from({ length: 8 }, answered).reduce((a, b) => a + b)).toBe(6);
    router.host.wait(1.1 * SECOND);
    expect([answered(), answered()]).toEqual([1, 0]);
    // What is too big is always told.
    router.host.ns.devices[router.eth1.index]!.mtu = 1280;
    expect(shown(router.host.inject('eth0', ipv6Frame({ payload: new Uint8Array(1300) })))).toEqual([
      'eth0 fd00:1::1 > fd00:1::2 icmp6 2/0',
    ]);
  });

  test('and by the bucket for all of ICMP', () => {
    const router = router6();
    router.host.ns.sysctl.set('net.ipv4.icmp_msgs_burst', 0);
    expect(router.host.inject('eth0', unreachable())).toEqual([]);
  });

  test('carry the mark of what they are about, where settings want it', () => {
    const router = router6({ 'net.ipv6.fwmark_reflect': 1 });
    const marks: number[] = [];
    router.host.ns.hooks6.register(0, {
      priority: 0,
      run: (pkt) => {
        pkt.mark = 7;
        return 1;
      },
    });
    router.host.ns.hooks6.register(OUTPUT, {
      priority: 0,
      run: (pkt) => {
        marks.push(pkt.mark);
        return 1;
      },
    });
    router.host.inject('eth0', unreachable());
    expect(marks).toEqual([7]);
  });

  test('flow labels of answers are the same for a flow, and of 20 bits', () => {
    const router = router6({ 'net.ipv6.auto_flowlabels': 1 });
    const label = (dst: string): number => {
      const [answer] = router.host.inject('eth0', ipv6Frame({ dst }));
      return new DataView(answer!.bytes.buffer).getUint32(14);
    };
    expect(label('2001:db8::1')).toBe(label('2001:db8::2'));
    expect(label('2001:db8::1') >>> 20).toBe(0x600);
  });
});

describe('echo', () => {
  const ping = (router: Router6, dst: string): string[] =>
    shown(router.host.inject('eth0', icmp6Frame(128, new Uint8Array(4), { dst })));

  test('is answered unless settings forbid it', () => {
    expect(ping(router6(), 'fd00:1::1')).toEqual(['eth0 fd00:1::1 > fd00:1::2 icmp6 129/0']);
    expect(ping(router6({ 'net.ipv6.icmp.echo_ignore_all': 1 }), 'fd00:1::1')).toEqual([]);
    expect(ping(router6({ 'net.ipv6.icmp.echo_ignore_multicast': 1 }), 'ff02::1')).toEqual([]);
    expect(ping(router6({ 'net.ipv6.icmp.echo_ignore_anycast': 1 }), 'fd00:1::')).toEqual([]);
    expect(ping(router6(), 'fd00:1::')).toEqual(['eth0 fd00:1::1 > fd00:1::2 icmp6 129/0']);
  });
});

describe('settings', () => {
  test('options that are not known are not taken where none may be unknown', () => {
    const options = Uint8Array.of(253, 0, 0x1e, 2, 0, 0, 1, 0);
    const router = router6();
    const send = () => router.host.inject('eth0', ipv6Frame({ next: 0, payload: options }));
    expect(send()).toHaveLength(1);
    router.host.ns.sysctl.set('net.ipv6.max_hbh_opts_number', -8);
    expect(send()).toHaveLength(0);
    expect(drops(router, 'UNHANDLED_PROTO')).toBe(1);
  });

  test('unicast in link multicast may be dropped', () => {
    const router = router6({ 'net.ipv6.conf.eth0.drop_unicast_in_l2_multicast': 1 });
    router.host.inject('eth0', ipv6Frame({ mac: '33:33:00:00:00:01' }));
    expect(drops(router, 'UNICAST_IN_L2_MULTICAST')).toBe(1);
  });

  test('a device may forward though the host does not', () => {
    const router = router6({ 'net.ipv6.conf.all.forwarding': 0 });
    expect(router.host.inject('eth0', ipv6Frame())).toEqual([]);
    router.host.ns.sysctl.set('net.ipv6.conf.eth0.force_forwarding', 1);
    expect(router.host.inject('eth0', ipv6Frame())).toHaveLength(1);
  });

  test('IPv6 off on the way out', () => {
    const router = router6({ 'net.ipv6.conf.eth1.disable_ipv6': 1 });
    router.ip.fib.addRoute({ prefix: ip6('fd00:2::'), length: 64, nextHops: [{ dev: router.eth1 }] });
    expect(router.host.inject('eth0', ipv6Frame())).toEqual([]);
    expect(drops(router, 'IPV6DISABLED')).toBe(1);
  });
});

describe('fragments', () => {
  const data = new Uint8Array(16).fill(1);

  test('whose siblings do not come: the sender is told after a minute, if the first one came', () => {
    const router = router6();
    router.host.inject('eth0', fragmentFrame(1, 0, true, data));
    router.host.inject('eth0', fragmentFrame(2, 16, false, data));
    expect(router.ip.fragments.size).toBe(2);
    expect(shown(router.host.wait(61 * SECOND))).toEqual(['eth0 fd00:1::1 > fd00:1::2 icmp6 3/1']);
    expect(router.ip.fragments.size).toBe(0);
    expect(drops(router, 'FRAG_REASM_TIMEOUT')).toBe(2);
    expect(router.host.pool.live).toBe(0);
  });

  test('are refused when they have all the memory that they may', () => {
    const router = router6({ 'net.ipv6.ip6frag_high_thresh': 1500 });
    for (let id = 1; id <= 5; id++) router.host.inject('eth0', fragmentFrame(id, 0, true, data));
    expect(router.ip.fragments.size).toBe(2);
  });

  test('that contradict each other in ECN make no datagram', () => {
    const router = router6();
    const first = fragmentFrame(1, 0, true, data);
    const last = fragmentFrame(1, 16, false, data);
    last[15] = 0x30;
    expect([...router.host.inject('eth0', first), ...router.host.inject('eth0', last)]).toEqual([]);
    expect(router.host.pool.live).toBe(0);
  });

  test('of more than 64 KiB in all make none', () => {
    const router = router6();
    const last = fragmentFrame(1, 65_504, false, new Uint8Array(24));
    expect(shown(router.host.inject('eth0', last))).toEqual([]);
    const over = fragmentFrame(2, 65_528, false, new Uint8Array(24));
    expect(shown(router.host.inject('eth0', over))).toEqual(['eth0 fd00:1::1 > fd00:1::2 icmp6 4/0']);
  });
});

test('a trace tells routes, errors and deliveries', () => {
  const router = router6();
  const trace = new Trace(router.host.clock);
  router.host.ns.trace = trace;
  router.ip.fib.addRoute({ prefix: ip6('fd00:9::'), length: 64, nextHops: [{ gateway: ip6('fd00:2::2') }] });
  router.host.inject('eth0', ipv6Frame({ dst: 'fd00:9::1' }));
  router.host.inject('eth0', ipv6Frame({ dst: '2001:db8::1' }));
  router.host.inject('eth0', ipv6Frame({ dst: 'fd00:1::1' }));
  const rows = JSON.stringify(trace.drain());
  for (const part of ['fd00:2::2', 'unreachable', '"deliver"', '"icmp6"']) expect(rows).toContain(part);
});
