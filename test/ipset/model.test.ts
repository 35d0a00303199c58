/** Sets against the naive: a list of elements that is looked through from end to end. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse4, parse6 } from '../../src/packet/address.ts';
import { protocolName } from '../../src/packet/protocols.ts';
import { type Sample, Stand } from './stand.ts';

type Part = 'ip' | 'net' | 'port' | 'mac' | 'mark' | 'iface';

const HASH_TYPES: Readonly<Record<string, readonly Part[]>> = {
  'hash:ip': ['ip'],
  'hash:ip,port': ['ip', 'port'],
  'hash:ip,port,ip': ['ip', 'port', 'ip'],
  'hash:ip,port,net': ['ip', 'port', 'net'],
  'hash:net': ['net'],
  'hash:net,port': ['net', 'port'],
  'hash:net,net': ['net', 'net'],
  'hash:net,port,net': ['net', 'port', 'net'],
  'hash:ip,mark': ['ip', 'mark'],
  'hash:mac': ['mac'],
  'hash:ip,mac': ['ip', 'mac'],
};

/** One part of an element, in the text of ipset. */
interface Value {
  readonly text: string;
  /** Prefix length of a net. */
  readonly length: number;
}
interface Element {
  readonly values: readonly Value[];
  readonly nomatch: boolean;
}

const v4 = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 6 })).map(([a, b]) => `10.0.${a}.${b}`);
const v6 = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 6 })).map(([a, b]) => `fd00:${a}::${b}`);
const port = fc.record({
  protocol: fc.constantFrom(6, 17, 132),
  dport: fc.integer({ min: 1, max: 3 }),
  sport: fc.integer({ min: 1, max: 3 }),
});
const mac = fc.integer({ min: 1, max: 4 }).map((n) => `02:00:00:00:00:0${n}`);

const bits = (address: string): string => {
  const words = address.includes(':') ? parse6(address)! : [parse4(address)!];
  return words.map((word) => (word >>> 0).toString(2).padStart(32, '0')).join('');
};

function value(part: Part, six: boolean): fc.Arbitrary<Value> {
  const address = six ? v6 : v4;
  const lengths = six ? [16, 33, 64, 127, 128] : [8, 23, 24, 30, 31, 32];
  switch (part) {
    case 'ip':
      return address.map((text) => ({ text, length: 0 }));
    case 'net':
      return fc
        .tuple(address, fc.constantFrom(...lengths))
        .map(([text, length]) => ({ text: `${text}/${length}`, length }));
    case 'port':
      return port.map(({ protocol, dport }) => ({ text: `${protocolName(protocol)}:${dport}`, length: 0 }));
    case 'mac':
      return mac.map((text) => ({ text, length: 0 }));
    default:
      return fc.integer({ min: 0, max: 3 }).map((n) => ({ text: `0x${n}`, length: 0 }));
  }
}

const sample = (six: boolean): fc.Arbitrary<Sample> =>
  fc
    .record({
      src: six ? v6 : v4,
      dst: six ? v6 : v4,
      smac: mac,
      dmac: mac,
      mark: fc.integer({ min: 0, max: 3 }),
      port,
    })
    .map(({ port: ports, ...rest }) => ({ ...rest, ...ports }));

/** Does the packet's part, on that side, lie in the element's? */
function covers(part: Part, { text, length }: Value, source: boolean, pkt: Sample): boolean {
  const address = source ? pkt.src : pkt.dst;
  switch (part) {
    case 'ip':
      return text === address;
    case 'net':
      return bits(text.split('/')[0]!).slice(0, length) === bits(address).slice(0, length);
    case 'port':
      return text === `${protocolName(pkt.protocol!)}:${source ? pkt.sport : pkt.dport}`;
    case 'mac':
      return text === (source ? pkt.smac : pkt.dmac);
    default:
      return Number(text) === pkt.mark;
  }
}

/** The most specific element that covers the packet decides, the first network before the second. */
function naive(
  elements: readonly Element[],
  parts: readonly Part[],
  directions: readonly string[],
  pkt: Sample,
): boolean {
  const fit = elements.filter(({ values }) =>
    values.every((each, i) => covers(parts[i]!, each, directions[i] === 'src', pkt)),
  );
  const nets = parts.flatMap((part, i) => (part === 'net' ? [i] : []));
  const order = (a: Element, b: Element): number => {
    const i = nets.find((net) => a.values[net]!.length !== b.values[net]!.length);
    return i === undefined ? 0 : b.values[i]!.length - a.values[i]!.length;
  };
  const best = fit.sort(order)[0];
  return best !== undefined && !best.nomatch;
}

/** Elements that are the same to a set: networks by their bits. */
const identity = ({ values }: Element): string =>
  values
    .map(({ text, length }) => (length === 0 ? text : `${bits(text.split('/')[0]!).slice(0, length)}/${length}`))
    .join();

describe.each(Object.entries(HASH_TYPES))('%s', (type, parts) => {
  const families = type === 'hash:mac' ? [''] : ['family inet', 'family inet6'];
  test.each(families)('finds what a list finds (%s)', (family) => {
    const six = family.endsWith('6');
    const element = fc.record({
      values: fc.tuple(...parts.map((part) => value(part, six))),
      nomatch: parts.includes('net') ? fc.boolean() : fc.constant(false),
    });
    const directions = fc.array(fc.constantFrom('src', 'dst'), { minLength: parts.length, maxLength: parts.length });
    const elements = fc.uniqueArray(element, { selector: identity, maxLength: 40 });
    const property = fc.property(
      elements,
      fc.array(sample(six), { maxLength: 10 }),
      directions,
      fc.nat(),
      (all, packets, words, keep) => {
        const stand = new Stand();
        stand.restore(`create s ${type} ${family} hashsize 64 bucketsize 2`);
        const line = ({ values, nomatch }: Element): string =>
          `${values.map(({ text }) => text).join()}${nomatch ? ' nomatch' : ''}`;
        stand.restore(...all.map((each) => `add s ${line(each)}`));
        const left = all.filter((_, i) => ((keep >> (i % 30)) & 1) === 0);
        const check = (list: readonly Element[]): void => {
          for (const pkt of packets) expect(stand.test('s', words.join(), pkt)).toBe(naive(list, parts, words, pkt));
        };
        check(all);
        stand.restore(...all.filter((each) => !left.includes(each)).map((each) => `del s ${line(each)}`));
        check(left);
      },
    );
    fc.assert(property, { numRuns: 60 });
  });
});

describe('bitmap:port', () => {
  test('finds what a list finds', () => {
    const property = fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 6 })), sample(false), (ports, pkt) => {
      const stand = new Stand();
      stand.restore('create s bitmap:port range 1-6', ...ports.map((each) => `add s ${each}`));
      const isPort = pkt.protocol === 6 || pkt.protocol === 17;
      expect(stand.test('s', 'src', pkt)).toBe(isPort && ports.includes(pkt.sport!));
    });
    fc.assert(property);
  });
});

describe('bitmap:ip', () => {
  test('finds what a list finds, in networks too', () => {
    const property = fc.property(
      fc.uniqueArray(v4),
      sample(false),
      fc.constantFrom(28, 30, 31, 32),
      (addresses, pkt, netmask) => {
        const stand = new Stand();
        const mask = (address: string): number => parse4(address)! >>> (32 - netmask);
        stand.restore(
          `create s bitmap:ip range 10.0.0.0/22 netmask ${netmask}`,
          ...addresses.map((each) => `-exist add s ${each}`),
        );
        expect(stand.test('s', 'dst', pkt)).toBe(addresses.some((each) => mask(each) === mask(pkt.dst)));
      },
    );
    fc.assert(property);
  });
});
