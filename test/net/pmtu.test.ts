import { describe, expect, it } from 'vitest';
import { ipv4 } from '../../src/packet/index.ts';
import { SECOND } from '../../src/sim/clock.ts';
import { Bench, ip, mac, macBytes, packet } from '../bridge/bench-switch.ts';

/** A host on 10.0.0.0/24; @returns the lengths of the IP packets that it sends to `dst` */
function host() {
  const bench = new Bench();
  bench.ns.addresses.add(bench.port('eth0'), ip('10.0.0.1'), 24);
  for (const n of [2, 3])
    bench.ns.neigh.add(bench.ports.get('eth0')!, ip(`10.0.0.${n}`), macBytes(mac(n)), 'permanent');
  const send = (dst: string, fragment = 0): number[] => {
    bench.sent = [];
    bench.ns.ip.sendRaw(bench.world.pool.from(packet({ src: '10.0.0.1', dst, fragment, length: 1000 }))!);
    bench.run();
    return bench.sent.map(([, frame]) => frame.length - 14);
  };
  return { bench, send };
}

describe('path MTUs', () => {
  it('are heeded for their destination alone, until they expire', () => {
    const { bench, send } = host();
    bench.ns.pmtu.update(ip('10.0.0.2'), 1500, 900);
    expect([send('10.0.0.2'), send('10.0.0.3')]).toEqual([[900, 148], [1028]]);
    bench.wait(600 * SECOND);
    expect(send('10.0.0.2')).toEqual([1028]);
  });

  it('let nothing out that must not be cut', () => {
    const { bench, send } = host();
    bench.ns.pmtu.update(ip('10.0.0.2'), 1500, 900);
    expect(send('10.0.0.2', ipv4.DF)).toEqual([]);
    expect(bench.world.pool.live).toBe(0);
  });

  it('never grow, nor fall below the least', () => {
    const { bench } = host();
    const { pmtu } = bench.ns;
    pmtu.update(ip('10.0.0.2'), 900, 1000);
    expect(pmtu.heed(ip('10.0.0.2'), 1500)).toBe(1500);
    pmtu.update(ip('10.0.0.2'), 1500, 100);
    expect(pmtu.heed(ip('10.0.0.2'), 1500)).toBe(552);
  });
});
