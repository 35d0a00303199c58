import { describe, expect, test } from 'vitest';
import { EXIST, FULL, OK } from '../../src/ipset/code.ts';
import * as request from '../../src/ipset/request.ts';
import { saveSets } from '../../src/ipset/restore.ts';
import { Stand } from './stand.ts';

const A = { src: '10.0.0.1', dst: '10.0.0.2', protocol: 6, sport: 1000, dport: 80 };
const adds = (stand: Stand): string[] =>
  saveSets(stand.registry)
    .split('\n')
    .filter((line) => line.startsWith('add'));

describe('timeouts', () => {
  test('an element ends when its time is over, and may come again', () => {
    const stand = new Stand();
    stand.restore(
      'create s hash:ip timeout 10',
      'add s 10.0.0.1',
      'add s 10.0.0.2 timeout 0',
      'add s 10.0.0.3 timeout 3',
    );
    expect(adds(stand).sort()).toEqual([
      'add s 10.0.0.1 timeout 10',
      'add s 10.0.0.2 timeout 0',
      'add s 10.0.0.3 timeout 3',
    ]);
    stand.wait(2.5);
    expect(adds(stand).sort()).toEqual([
      'add s 10.0.0.1 timeout 7',
      'add s 10.0.0.2 timeout 0',
      'add s 10.0.0.3 timeout 1',
    ]);
    stand.wait(8);
    expect(stand.test('s', 'src', A)).toBe(false);
    expect(stand.test('s', 'dst', A)).toBe(true);
    stand.restore('add s 10.0.0.1 timeout 5');
    expect(stand.test('s', 'src', A)).toBe(true);
  });

  test('to delete what has ended is to delete nothing', () => {
    const stand = new Stand();
    stand.restore('create s hash:ip timeout 1', 'add s 10.0.0.1');
    stand.wait(2);
    expect(() => stand.restore('del s 10.0.0.1')).toThrow('not in set s');
    stand.restore('-exist del s 10.0.0.1');
  });

  test('a packet that adds again starts the time anew only when it may', () => {
    const stand = new Stand();
    stand.restore('create s hash:ip timeout 5');
    expect(stand.add('s', 'src', A)).toBe(OK);
    stand.wait(3);
    expect(stand.add('s', 'src', A)).toBe(EXIST);
    expect(adds(stand)).toEqual(['add s 10.0.0.1 timeout 2']);
    const again = (each: request.Request): void => {
      each.flags = request.FLAG_EXIST;
      each.timeout = 9;
    };
    expect(stand.add('s', 'src', A, again)).toBe(OK);
    expect(adds(stand)).toEqual(['add s 10.0.0.1 timeout 9']);
  });

  test('what has ended makes room in a full set', () => {
    const stand = new Stand();
    stand.restore('create s hash:ip timeout 5 maxelem 2', 'add s 10.0.0.1', 'add s 10.0.0.2 timeout 0');
    expect(() => stand.restore('add s 10.0.0.3')).toThrow('too many');
    stand.wait(6);
    stand.restore('add s 10.0.0.3');
  });

  test('the time of bitmap:ip,mac begins with the address that a packet brings', () => {
    const stand = new Stand();
    stand.restore('create s bitmap:ip,mac range 10.0.0.0/29 timeout 4', 'add s 10.0.0.1');
    stand.wait(10);
    expect(adds(stand)).toEqual(['add s 10.0.0.1 timeout 4']);
    expect(stand.test('s', 'src,src', { ...A, smac: '02:00:00:00:00:0a' })).toBe(true);
    expect(adds(stand)).toEqual(['add s 10.0.0.1,02:00:00:00:00:0A timeout 4']);
    expect(stand.test('s', 'src,src', { ...A, smac: '02:00:00:00:00:0b' })).toBe(false);
    stand.wait(5);
    expect(stand.test('s', 'src,src', { ...A, smac: '02:00:00:00:00:0a' })).toBe(false);
  });
});

describe('counters', () => {
  test('count packets that match, unless the rule says no', () => {
    const stand = new Stand();
    stand.restore('create s hash:ip counters', 'add s 10.0.0.1 packets 3 bytes 100');
    stand.test('s', 'src', A);
    stand.test('s', 'dst', A);
    stand.test('s', 'src', A, (each) => {
      each.flags = request.FLAG_SKIP_COUNTERS;
    });
    expect(adds(stand)).toEqual(['add s 10.0.0.1 packets 4 bytes 140']);
  });

  test('are compared after they have counted', () => {
    const stand = new Stand();
    stand.restore('create s hash:ip counters', 'add s 10.0.0.1');
    const more = (each: request.Request): void => {
      each.flags = request.FLAG_MATCH_COUNTERS;
      each.packetsTest = request.COUNTER_GT;
      each.packets = 1;
    };
    expect([stand.test('s', 'src', A, more), stand.test('s', 'src', A, more)]).toEqual([false, true]);
  });

  test('of an element that a packet adds begin with that packet', () => {
    const stand = new Stand();
    stand.restore('create s hash:ip,port counters');
    stand.add('s', 'src,dst', A);
    expect(adds(stand)).toEqual(['add s 10.0.0.1,tcp:80 packets 1 bytes 40']);
  });
});

describe('networks', () => {
  test('nomatch is an exception, and can be asked for', () => {
    const stand = new Stand();
    stand.restore('create s hash:net', 'add s 10.0.0.0/8', 'add s 10.0.0.0/30 nomatch', 'add s 10.0.0.2');
    const nomatch = (each: request.Request): void => {
      each.flags = request.FLAG_RETURN_NOMATCH;
    };
    expect([stand.test('s', 'src', A), stand.test('s', 'dst', A)]).toEqual([false, true]);
    expect([stand.test('s', 'src', A, nomatch), stand.test('s', 'dst', A, nomatch)]).toEqual([true, false]);
  });

  test('a packet adds the network of the longest prefix that is there', () => {
    const stand = new Stand();
    stand.restore('create s hash:net');
    stand.add('s', 'src', A);
    expect(adds(stand)).toEqual(['add s 10.0.0.1']);
    stand.restore('flush s', 'add s 192.168.0.0/24', 'add s 172.16.0.0/12');
    stand.add('s', 'src', A);
    expect(adds(stand)).toContain('add s 10.0.0.0/24');
  });

  test('a device that differs hides wider networks', () => {
    const stand = new Stand();
    stand.restore('create s hash:net,iface', 'add s 10.0.0.0/8,eth0', 'add s 10.0.0.0/24,eth9');
    expect(stand.test('s', 'src,src', A)).toBe(false);
    expect(stand.test('s', 'src,src', { ...A, src: '10.1.0.1' })).toBe(true);
    expect(stand.test('s', 'src,dst', { ...A, src: '10.1.0.1' })).toBe(false);
  });

  test('a wildcard is a prefix of a name', () => {
    const stand = new Stand();
    stand.restore('create s hash:net,iface', 'add s 0.0.0.0/0,et wildcard');
    expect([stand.test('s', 'src,src', A), stand.test('s', 'src,dst', A)]).toEqual([true, true]);
    expect(() => stand.restore('add s 0.0.0.0/0,eth0')).toThrow('is in set s');
  });
});

describe('lists of sets', () => {
  test('the first member that takes a packet decides', () => {
    const stand = new Stand();
    stand.restore(
      'create a hash:ip',
      'create b hash:ip counters',
      'create l list:set counters',
      'add a 10.0.0.1',
      'add b 10.0.0.1',
    );
    stand.restore('add l b', 'add l a before b');
    expect(stand.test('l', 'src', A)).toBe(true);
    expect(stand.test('l', 'dst', A)).toBe(false);
    expect(adds(stand).slice(2)).toEqual(['add l a packets 1 bytes 40', 'add l b packets 0 bytes 0']);
  });

  test('hold their members', () => {
    const stand = new Stand();
    stand.restore('create a hash:ip', 'create l list:set', 'add l a');
    expect(() => stand.restore('destroy a')).toThrow('in use');
    expect(() => stand.restore('rename a b')).toThrow('in use');
    stand.restore('flush l', 'destroy a');
    expect(stand.registry.names()).toEqual(['l']);
  });
});

describe('the registry', () => {
  test('what is swapped stands under the other name, and stays under its number', () => {
    const stand = new Stand();
    stand.restore('create a hash:ip', 'create b hash:ip', 'add a 10.0.0.1');
    const held = stand.registry.take('b');
    stand.restore('swap a b');
    expect(stand.registry.nameOf(held)).toBe('b');
    expect([stand.test('a', 'src', A), stand.test('b', 'src', A)]).toEqual([false, true]);
    expect(() => stand.restore('destroy b')).toThrow('in use');
    stand.registry.release(held);
    stand.restore('destroy b');
  });

  test('a rule with too few directions, or of the other family, never matches', () => {
    const stand = new Stand();
    stand.restore('create s hash:ip,port', 'add s 10.0.0.1,tcp:80');
    expect([stand.test('s', 'src', A), stand.test('s', 'src,dst', A)]).toEqual([false, true]);
    expect(stand.test('s', 'src,dst', { ...A, src: 'fd00::1', dst: 'fd00::2' })).toBe(false);
  });
});

describe('size', () => {
  test('a full set says so; with forceadd a packet may push another element out', () => {
    const stand = new Stand();
    stand.restore('create s hash:ip hashsize 64 initval 0 maxelem 8');
    const addresses = Array.from({ length: 20 }, (_, i) => ({ ...A, src: `10.0.1.${i}` }));
    expect(addresses.map((each) => stand.add('s', 'src', each)).filter((code) => code === FULL)).toHaveLength(12);
    stand.restore('create f hash:ip hashsize 64 initval 0 maxelem 8 forceadd');
    for (const each of addresses) stand.add('f', 'src', each);
    expect(adds(stand).filter((line) => line.startsWith('add f'))).toHaveLength(8);
  });

  test('a table grows for text, but not for packets', () => {
    const stand = new Stand();
    stand.restore('create s hash:ip hashsize 64 bucketsize 2 initval 0', 'add s 10.0.0.0/24');
    const [create] = saveSets(stand.registry).split('\n');
    expect(Number(/hashsize (\d+)/.exec(create!)![1])).toBeGreaterThan(64);
    stand.restore('create p hash:ip hashsize 64 bucketsize 2 initval 0');
    for (let i = 0; i < 256; i++) stand.add('p', 'src', { ...A, src: `10.0.0.${i}` });
    expect(saveSets(stand.registry, 'p')).toContain('hashsize 64');
    expect(saveSets(stand.registry, 'p').split('\n').length).toBeLessThan(130);
  });
});
