import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ORIGINAL, REPLY, ZONE_DIR_BOTH, ZONE_DIR_ORIG } from '../../src/conntrack/status.ts';
import { ConntrackTable } from '../../src/conntrack/table.ts';
import { IPV4, IPV6, Tuple } from '../../src/conntrack/tuple.ts';

function tupleOf(n: number, family = IPV4): Tuple {
  const tuple = new Tuple();
  tuple.family = family;
  tuple.protocol = 17;
  tuple.src = n >> 4;
  tuple.dst = -n;
  tuple.srcPort = n & 15;
  tuple.dstPort = 53;
  if (family === IPV6) {
    tuple.srcHigh[0] = n & 1;
    tuple.dstHigh[2] = 7;
  }
  return tuple;
}

function find(table: ConntrackTable, tuple: Tuple, zone = 0): number {
  return table.match(table.first(table.hash(tuple, zone)), tuple, zone, zone);
}

function add(table: ConntrackTable, n: number, family = IPV4, zone = 0, zoneDir = ZONE_DIR_BOTH): number {
  const original = tupleOf(n, family);
  const reply = new Tuple();
  reply.invert(original);
  const ct = table.allocate(original, reply, zone, zoneDir);
  table.insert(ct);
  table.insertBySource(ct);
  return ct;
}

function remove(table: ConntrackTable, ct: number): void {
  table.remove(ct);
  table.removeBySource(ct);
  table.free(ct);
}

describe('table', () => {
  test('finds what a Map holds, in both directions, through growth and removal', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(400), fc.boolean()), { maxLength: 600 });
    fc.assert(
      fc.property(steps, (list) => {
        const table = new ConntrackTable();
        const model = new Map<number, number>();
        for (const [adding, n, v6] of list) {
          const key = 2 * n + Number(v6);
          const family = v6 ? IPV6 : IPV4;
          const known = model.get(key);
          if (adding && known === undefined) model.set(key, add(table, n + 1, family));
          else if (!adding && known !== undefined) {
            remove(table, known);
            model.delete(key);
          }
        }
        expect(table.count).toBe(model.size);
        for (let key = 0; key < 802; key++) {
          const tuple = tupleOf((key >> 1) + 1, key & 1 ? IPV6 : IPV4);
          const reply = new Tuple();
          reply.invert(tuple);
          const ct = model.get(key);
          expect(find(table, tuple)).toBe(ct === undefined ? -1 : 2 * ct + ORIGINAL);
          expect(find(table, reply)).toBe(ct === undefined ? -1 : 2 * ct + REPLY);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('a source leads to its connections, the newest first', () => {
    const table = new ConntrackTable();
    const rows = Array.from({ length: 300 }, (_, i) => {
      const original = tupleOf(32);
      original.dst = i;
      const reply = new Tuple();
      reply.invert(original);
      const ct = table.allocate(original, reply, 0, ZONE_DIR_BOTH);
      table.insert(ct);
      table.insertBySource(ct);
      return ct;
    });
    remove(table, rows[150]!);
    const seen: number[] = [];
    for (let ct = table.firstBySource(tupleOf(32), 0, ZONE_DIR_BOTH); ct >= 0; ct = table.nextBySource(ct))
      seen.push(ct);
    expect(seen).toEqual(rows.filter((ct) => ct !== rows[150]).reverse());
  });

  test('zones keep equal tuples apart, by direction', () => {
    const table = new ConntrackTable();
    const plain = add(table, 9);
    const zoned = add(table, 9, IPV4, 5);
    const oneWay = add(table, 10, IPV4, 6, ZONE_DIR_ORIG);
    const tuple = tupleOf(9);
    expect(find(table, tuple)).toBe(2 * plain);
    expect(find(table, tuple, 5)).toBe(2 * zoned);
    expect(find(table, tuple, 6)).toBe(-1);
    expect(table.zoneId(oneWay, ORIGINAL)).toBe(6);
    expect(table.zoneId(oneWay, REPLY)).toBe(0);
  });

  test('takes about 100 bytes an IPv4 flow', () => {
    const table = new ConntrackTable();
    for (let n = 0; n < 65_536; n++) add(table, n);
    expect(table.byteLength / table.count).toBeLessThan(112);
  });

  test('a tuple of a query that has no answer cannot be inverted', () => {
    const tuple = tupleOf(1);
    tuple.protocol = 1;
    tuple.dstPort = 9 << 8;
    expect(new Tuple().invert(tuple)).toBe(false);
    tuple.dstPort = (8 << 8) | 3;
    const answer = new Tuple();
    expect(answer.invert(tuple)).toBe(true);
    expect(answer.dstPort).toBe(3);
  });
});
