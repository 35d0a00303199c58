/** Packets that are under way at the same time, as when a bridge floods or two processors receive: nf_ct_resolve_clash. */
import { describe, expect, test } from 'vitest';
import { conntrackList } from '../../src/conntrack/listing.ts';
import { NatRange, RANGE_MAP_IPS } from '../../src/conntrack/nat-range.ts';
import { MANIP_DST } from '../../src/conntrack/status.ts';
import { FORWARD, type HookEntry, NF_ACCEPT, NF_DROP, POSTROUTING, PREROUTING } from '../../src/net/hook.ts';
import { parse4 } from '../../src/packet/address.ts';
import { compose } from '../../src/packet/compose.ts';
import { ETH_P_IP } from '../../src/packet/ethernet.ts';
import * as ip from '../../src/packet/ipv4.ts';
import type { Layer } from '../../src/packet/layer.ts';
import type { Packet } from '../../src/packet/packet.ts';
import { Stand } from './stand.ts';

const [A, B, VIP] = ['10.0.1.2', '10.0.2.2', '10.9.9.9'] as const;
const udp = (src: string, dst: string, srcPort: number, dstPort: number): Layer[] => [
  { ipv4: { src, dst } },
  { udp: { srcPort, dstPort } },
];

/** A packet that has passed PREROUTING and waits. */
function begin(stand: Stand, layers: readonly Layer[]): Packet {
  const pkt = stand.pool.from(compose(layers, 'hello'))!;
  pkt.l3 = pkt.data;
  pkt.protocol = ETH_P_IP;
  expect(stand.ns.hooks4.run(PREROUTING, pkt, stand.iif, stand.ns.devices[0]!)).toBe(NF_ACCEPT);
  return pkt;
}

/** The rest of its way. @returns the last verdict */
function end(stand: Stand, pkt: Packet): number {
  const { iif, oif, ns } = stand;
  const verdict = ns.hooks4.run(FORWARD, pkt, iif, oif);
  return verdict === NF_ACCEPT ? ns.hooks4.run(POSTROUTING, pkt, iif, oif) : verdict;
}

const counts = (stand: Stand): (number | string)[] => {
  const { clashResolve, insertFailed, drop } = stand.conntrack.stats;
  return [clashResolve, insertFailed, drop];
};

describe('two packets of one new flow at once', () => {
  test('UDP: the second goes on with the connection of the first', () => {
    const stand = new Stand();
    const [first, second] = [begin(stand, udp(A, B, 1000, 53)), begin(stand, udp(A, B, 1000, 53))];
    expect(second.ct).not.toBe(first.ct);
    expect([end(stand, first), end(stand, second)]).toEqual([NF_ACCEPT, NF_ACCEPT]);
    expect(second.ct).toBe(first.ct);
    expect(counts(stand)).toEqual([1, 0, 0]);
    expect(conntrackList(stand.conntrack)).toEqual([expect.stringContaining('packets=2 bytes=66 [UNREPLIED]')]);
  });

  test('UDP: question and answer at once are one flow', () => {
    const stand = new Stand();
    const [first, second] = [begin(stand, udp(A, B, 1000, 53)), begin(stand, udp(B, A, 53, 1000))];
    expect([end(stand, first), end(stand, second)]).toEqual([NF_ACCEPT, NF_ACCEPT]);
    expect(second.ct).toBe(first.ct);
    expect(conntrackList(stand.conntrack)).toHaveLength(1);
  });

  test('TCP: the second is dropped', () => {
    const stand = new Stand();
    const syn: Layer[] = [{ ipv4: { src: A, dst: B } }, { tcp: { srcPort: 1000, dstPort: 80, flags: 2 } }];
    const [first, second] = [begin(stand, syn), begin(stand, syn)];
    expect([end(stand, first), end(stand, second)]).toEqual([NF_ACCEPT, NF_DROP]);
    expect(counts(stand)).toEqual([0, 1, 1]);
  });

  test('UDP translated to two ends: the loser lives a second, by its answers alone', () => {
    const stand = new Stand();
    const ends = ['10.0.2.2', '10.0.2.3'].map((text) => {
      const range = new NatRange();
      range.flags = RANGE_MAP_IPS;
      range.min = range.max = parse4(text)!;
      return range;
    });
    stand.nat(PREROUTING, MANIP_DST, (pkt) =>
      ip.dst(pkt.view, pkt.l3) === parse4(VIP) ? (ends.shift() ?? null) : null,
    );
    const [first, second] = [begin(stand, udp(A, VIP, 1000, 53)), begin(stand, udp(A, VIP, 1000, 53))];
    expect([end(stand, first), end(stand, second)]).toEqual([NF_ACCEPT, NF_ACCEPT]);
    expect(second.ct).not.toBe(first.ct);
    expect(counts(stand)).toEqual([1, 0, 0]);
    // Only the winner is listed; the loser's answer comes back translated all the same.
    expect(conntrackList(stand.conntrack)).toEqual([expect.stringContaining('src=10.0.2.2')]);
    const { bytes } = stand.send(udp('10.0.2.3', A, 53, 1000));
    expect(new DataView(bytes!.buffer).getInt32(12)).toBe(parse4(VIP));
    // The question still belongs to the winner.
    const again = begin(stand, udp(A, VIP, 1000, 53));
    expect(again.ct).toBe(first.ct);
    stand.wait(2);
    expect(stand.send(udp('10.0.2.3', A, 53, 1000)).ctInfo).not.toBe(3);
  });
});

describe('users of conntrack and NAT', () => {
  const tracked = (stand: Stand): boolean => stand.send(udp(A, B, 1000, 53)).ct >= 0;

  test('a family is tracked as long as somebody uses it', () => {
    const stand = new Stand();
    stand.conntrack.use('ipv4');
    expect(tracked(stand)).toBe(true);
    stand.conntrack.release('ipv4');
    expect([stand.conntrack.isUsed('ipv4'), tracked(stand)]).toEqual([true, true]);
    stand.conntrack.release('ipv4');
    expect([stand.conntrack.isUsed('ipv4'), tracked(stand)]).toEqual([false, false]);
    expect(() => stand.conntrack.release('ipv4')).toThrow('ipv4 conntrack is not in use');
    stand.conntrack.use('ipv4');
    expect(tracked(stand)).toBe(true);
  });

  test('a nat chain that is unregistered is not asked any more, the others are', () => {
    const stand = new Stand();
    const asked: string[] = [];
    const entry = (name: string, priority: number): HookEntry => ({
      priority,
      run: () => {
        asked.push(name);
        return NF_ACCEPT;
      },
    });
    const [first, second] = [entry('first', -100), entry('second', -90)];
    const { nat } = stand.conntrack;
    nat.register(PREROUTING, second);
    nat.register(PREROUTING, first);
    stand.send(udp(A, B, 1, 53));
    expect(asked).toEqual(['first', 'second']);
    nat.unregister(PREROUTING, first);
    stand.send(udp(A, B, 2, 53));
    expect(asked.slice(2)).toEqual(['second']);
    nat.unregister(PREROUTING, second);
    stand.send(udp(A, B, 3, 53));
    expect(asked).toHaveLength(3);
  });
});
