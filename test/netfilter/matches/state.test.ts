import { describe, expect, test } from 'vitest';
import { recentTables } from '../../../src/netfilter/recent-table.ts';
import type { Layer } from '../../../src/packet/layer.ts';
import { FLAG_SOCKET } from '../../../src/packet/packet.ts';
import { ip, RuleBench, udp } from '../rule-bench.ts';

const MS = 1e6;
const SECOND = 1e9;
const PACKET = [ip(), udp()];
const from = (src: string, ttl = 64): Layer[] => [ip({ src, ttl }), udp()];

/** How many of `n` packets match. */
const count = (bench: RuleBench, n: number, layers: readonly Layer[] = PACKET, payload = ''): number =>
  Array.from({ length: n }, () => bench.matches(layers, payload)).filter(Boolean).length;

describe('limit', () => {
  test.each(['nft', 'legacy'] as const)('%s: a burst at once, then the rate', (backend) => {
    const bench = new RuleBench('-A FORWARD -m limit --limit 2/s --limit-burst 3', { backend });
    expect(count(bench, 10)).toBe(3);
    bench.ns.clock.advance(500 * MS);
    expect(count(bench, 10)).toBe(1);
    bench.ns.clock.advance(900 * MS);
    expect(count(bench, 10)).toBe(0);
    bench.ns.clock.advance(1000 * MS);
    expect(count(bench, 10)).toBe(1);
    bench.ns.clock.advance(60 * SECOND);
    expect(count(bench, 10)).toBe(3);
  });

  test('legacy counts in ticks of 4 ms, nft in nanoseconds', () => {
    const rule = '-A FORWARD -m limit --limit 1000/s --limit-burst 1';
    const nft = new RuleBench(rule);
    const legacy = new RuleBench(rule, { backend: 'legacy' });
    for (const bench of [nft, legacy]) {
      expect(count(bench, 2)).toBe(1);
      bench.ns.clock.advance(2 * MS);
    }
    expect(count(nft, 2)).toBe(1);
    expect(count(legacy, 2)).toBe(0);
    legacy.ns.clock.advance(4 * MS);
    expect(count(legacy, 2)).toBe(1);
  });

  test('legacy overflows where a day counts more than 32 bits; nft does not', () => {
    const rule = '-A FORWARD -m limit --limit 2/day';
    expect(count(new RuleBench(rule, { backend: 'legacy' }), 10)).toBe(1);
    expect(count(new RuleBench(rule), 10)).toBe(5);
  });
});

describe('hashlimit', () => {
  test('has a bucket for each source', () => {
    const bench = new RuleBench(
      '-A FORWARD -m hashlimit --hashlimit-upto 2/s --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name a',
    );
    expect(count(bench, 5, from('10.0.1.2'))).toBe(2);
    expect(count(bench, 5, from('10.0.1.3'))).toBe(2);
    bench.ns.clock.advance(500 * MS);
    expect(count(bench, 5, from('10.0.1.2'))).toBe(1);
  });

  test('a prefix gathers sources, a port tells them apart', () => {
    const options = '--hashlimit-above 1/hour --hashlimit-burst 1';
    const prefix = new RuleBench(
      `-A FORWARD -m hashlimit ${options} --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name a`,
    );
    expect(count(prefix, 1, from('10.0.1.2'))).toBe(0);
    expect(count(prefix, 1, from('10.0.1.99'))).toBe(1);
    const port = new RuleBench(`-A FORWARD -m hashlimit ${options} --hashlimit-mode dstport --hashlimit-name a`);
    expect(count(port, 2, [ip(), udp(1, 1)])).toBe(1);
    expect(count(port, 2, [ip(), udp(1, 2)])).toBe(1);
  });

  test('counts bytes in chunks of 16', () => {
    const bench = new RuleBench(
      '-A FORWARD -m hashlimit --hashlimit-upto 64b/s --hashlimit-mode srcip --hashlimit-name a',
    );
    // 28 bytes are two chunks of the five that 64 bytes are.
    expect(count(bench, 5)).toBe(2);
    bench.ns.clock.advance(1 * SECOND);
    expect(count(bench, 5)).toBe(2);
  });

  test('forgets who was not seen for a while, when it next cleans up', () => {
    const bench = new RuleBench(
      '-A FORWARD -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name a ' +
        '--hashlimit-htable-expire 1000 --hashlimit-htable-gcinterval 500',
    );
    expect(count(bench, 5)).toBe(2);
    bench.ns.clock.advance(990 * MS);
    expect(count(bench, 5)).toBe(0);
    bench.ns.clock.advance(3000 * MS);
    expect(count(bench, 5)).toBe(2);
  });

  test('drops what a full table has no room for', () => {
    const bench = new RuleBench(
      '-A FORWARD -m hashlimit --hashlimit-upto 1/s --hashlimit-mode srcip --hashlimit-name a ' +
        '--hashlimit-htable-size 2 --hashlimit-htable-max 3',
    );
    const verdicts = [1, 2, 3, 4].map((n) => bench.run(bench.packet(from(`10.0.1.${n}`))));
    expect(verdicts).toEqual([1, 1, 1, 0]);
  });

  test('keeps a thousand sources apart', () => {
    const bench = new RuleBench(
      '-A FORWARD -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-name a',
    );
    for (let i = 0; i < 1000; i++) expect(count(bench, 2, from(`10.1.${i >> 8}.${i & 255}`))).toBe(1);
  });
});

describe('recent', () => {
  const two = (second: string): RuleBench => new RuleBench(`-A FORWARD ${second}\n-A FORWARD -m recent --set --name l`);

  test('rcheck finds what was set, for as long as it is asked', () => {
    const bench = two('-m recent --rcheck --seconds 2 --name l');
    expect([bench.matches(PACKET), bench.matches(PACKET)]).toEqual([false, true]);
    bench.ns.clock.advance(2000 * MS);
    expect(bench.matches(PACKET)).toBe(true);
    bench.ns.clock.advance(4004 * MS);
    expect(bench.matches(PACKET)).toBe(false);
    expect(bench.matches(from('10.0.1.3'))).toBe(false);
  });

  test('hitcount counts stamps, update adds one when it matches', () => {
    expect(
      [1, 2, 3, 4].map(
        (
          (bench) => () =>
            bench.matches(PACKET)
        )(two('-m recent --rcheck --hitcount 3 --name l')),
      ),
    ).toEqual([false, false, false, true]);
    const bench = new RuleBench(
      '-A FORWARD -m recent --update --hitcount 2 --name l\n-A FORWARD -m ttl --ttl-eq 9 -m recent --set --name l',
    );
    bench.matches(from('10.0.1.2', 9));
    bench.matches(from('10.0.1.2', 9));
    expect([1, 2, 3].map(() => bench.matches(PACKET))).toEqual([true, true, true]);
    expect(recentTables(bench.ns).get('l', [-1, -1, -1, -1], 0).lines()).toEqual([
      'src=10.0.1.2 ttl: 65 last_seen: 0 oldest_pkt: 5 0, 0, 0, 0, 0',
    ]);
  });

  test('a mask gathers addresses; rttl tells them apart by TTL', () => {
    const mask = new RuleBench('-A FORWARD -m recent --set --mask 255.255.255.0 --name m');
    mask.matches(from('10.0.1.2'));
    mask.matches(from('10.0.1.9'));
    expect(
      recentTables(mask.ns)
        .list()
        .map((table) => table.lines()),
    ).toEqual([['src=10.0.1.0 ttl: 65 last_seen: 0 oldest_pkt: 2 0, 0']]);
    const rttl = two('-m recent --rcheck --rttl --name l');
    rttl.matches(from('10.0.1.2', 64));
    expect(rttl.matches(from('10.0.1.2', 63))).toBe(false);
    expect(rttl.matches(from('10.0.1.2', 63))).toBe(true);
  });

  test('a list holds 100 addresses; the longest unseen goes', () => {
    const bench = two('-m recent --rcheck --name l');
    for (let i = 0; i < 101; i++) bench.matches(from(`10.0.2.${i}`));
    expect(bench.matches(from('10.0.2.0'))).toBe(false);
    expect(bench.matches(from('10.0.2.5'))).toBe(true);
  });

  test('remove forgets', () => {
    const bench = two('-m recent --remove --name l');
    expect([bench.matches(PACKET), bench.matches(PACKET), bench.matches(PACKET)]).toEqual([false, true, true]);
  });

  test('reap takes the longest unseen out', () => {
    const bench = two('-m recent --rcheck --seconds 1 --reap --name l');
    bench.matches(from('10.0.1.8'));
    bench.ns.clock.advance(3 * SECOND);
    bench.matches(from('10.0.1.9'));
    bench.matches(from('10.0.1.9'));
    expect(recentTables(bench.ns).list()[0]!.lines()).toHaveLength(1);
  });
});

describe('quota', () => {
  test('lasts for its bytes, and not even a small packet passes after the one that did not fit', () => {
    const bench = new RuleBench('-A FORWARD -m quota --quota 100');
    expect(count(bench, 3)).toBe(3);
    expect(bench.matches(PACKET, 'more than is left')).toBe(false);
    expect(bench.matches([ip()])).toBe(false);
  });
});

describe('time', () => {
  /** Wednesday, 2023-11-15 22:13:20 UTC. */
  const at = (rule: string, later = 0): boolean => {
    const bench = new RuleBench(`-A FORWARD -m time ${rule}`);
    bench.ns.world.epochSeconds = 1_700_086_400;
    bench.ns.clock.advance(later * SECOND);
    return bench.matches(PACKET);
  };
  test.each([
    ['--timestart 22:13:20 --timestop 22:13:21', 0, true],
    ['--timestart 22:13:21', 0, false],
    ['--timestart 22:13:21', 1, true],
    ['--timestart 23:00 --timestop 22:30', 0, true],
    ['--timestart 23:00 --timestop 22:00', 0, false],
    ['--weekdays Wed', 0, true],
    ['! --weekdays Wed', 0, false],
    ['--weekdays Thu', 7200, true],
    ['--monthdays 15', 0, true],
    ['--monthdays 16', 7200, true],
    ['--datestart 2023-11-15T22:13:20', 0, true],
    ['--datestart 2023-11-15T22:13:21', 0, false],
    ['--datestop 2023-11-15T22:13:19', 0, false],
    ['--timestart 22:00 --timestop 02:00 --contiguous --weekdays Wed', 3 * 3600, true],
    ['--timestart 22:00 --timestop 02:00 --weekdays Wed', 3 * 3600, false],
  ])('%s, %d s later, is %s', (rule, later, expected) => {
    expect(at(rule, later)).toBe(expected);
  });
});

describe('owner', () => {
  test.each([
    // A process's socket, the kernel's own, none.
    ['--uid-owner 0', [true, false, false]],
    ['! --uid-owner 0', [false, true, true]],
    ['--socket-exists', [true, true, false]],
    ['! --socket-exists', [false, false, true]],
    ['--gid-owner 5:9 --socket-exists', [false, false, false]],
    ['! --gid-owner 5:9 --socket-exists', [true, true, false]],
  ])('%s', (options, expected) => {
    const bench = new RuleBench(`-A POSTROUTING -m owner ${options}`, { table: 'mangle' });
    const answers = [0, 1, 2].map((kind) => {
      const pkt = bench.packet(PACKET);
      if (kind < 2) pkt.iif = 0;
      if (kind === 0) pkt.flags |= FLAG_SOCKET;
      return bench.matches(pkt);
    });
    expect(answers).toEqual(expected);
  });
});

describe('physdev', () => {
  const answer = (options: string, physIn: string, physOut: string): boolean => {
    const bench = new RuleBench(`-A FORWARD -m physdev ${options}`);
    const pkt = bench.packet(PACKET);
    pkt.physIn = physIn === '' ? 0 : bench.device(physIn);
    pkt.physOut = physOut === '' ? 0 : bench.device(physOut);
    return bench.matches(pkt);
  };
  test.each([
    ['--physdev-in eth0', 'eth0', '', true],
    ['--physdev-in eth1', 'eth0', '', false],
    ['! --physdev-in eth1', 'eth0', '', true],
    ['--physdev-out eth+', 'eth0', 'eth1', true],
    ['! --physdev-out eth0', 'eth0', '', false],
    ['--physdev-is-bridged', 'eth0', 'eth1', true],
    ['--physdev-is-bridged', 'eth0', '', false],
    ['--physdev-is-in', 'eth0', '', true],
    ['! --physdev-is-out', 'eth0', '', true],
    ['--physdev-is-in', '', '', false],
    ['! --physdev-is-in', '', '', true],
  ])('%s with %s in and %s out is %s', (options, physIn, physOut, expected) => {
    expect(answer(options, physIn, physOut)).toBe(expected);
  });
});
