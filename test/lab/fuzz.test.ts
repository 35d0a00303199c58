/**
 * Random and mutated frames through labs with rules and NAT: nothing crashes, hangs, leaks or grows without bound. A portion
 * by default; FUZZ=1000000 for the whole.
 */
import { expect, test } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { readCase } from '../../src/lab/source.ts';
import { Random } from '../../src/sim/random.ts';
import { readArea } from '../kernel/case.ts';
import { inputsOf } from '../kernel/run-case.ts';

const FRAMES = Number(process.env['FUZZ'] ?? 20_000);
const CASES = [
  ['filter', 'filter-hookorder'],
  ['filter', 'filter-reject-types'],
  ['nat', 'nat-icmp-errors'],
  ['nat', 'nat-masquerade'],
  ['kube', 'kube-nodeport'],
  ['frag', 'frag-defrag-odd'],
  ['routing', 'routing-ip-options'],
  ['bridge', 'bridge-netfilter-on'],
  ['vxlan', 'vxlan-kube-flannel'],
] as const;
/** Bytes of headers, where a change matters most. */
const HEADERS = 60;

const INTERESTING = [0, 1, 4, 5, 6, 8, 17, 0x40, 0x45, 0x46, 0x4f, 0x7f, 0x80, 0xc0, 0xfe, 0xff];

function mutate(frame: Uint8Array, random: Random): Uint8Array {
  let bytes = frame.slice();
  for (let n = random.below(4); n >= 0; n--) {
    const at = random.below(Math.max(1, Math.min(bytes.length, random.below(4) === 0 ? bytes.length : HEADERS)));
    switch (random.below(6)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes[at] = INTERESTING[random.below(INTERESTING.length)]!;
        break;
      case 2:
        bytes[at]! ^= 1 << random.below(8);
        break;
      case 3:
        bytes = bytes.slice(0, random.below(bytes.length + 1));
        break;
      case 4:
        bytes = Uint8Array.from([...bytes, ...Array.from({ length: random.below(64) }, () => random.below(256))]);
        break;
      default:
        bytes.copyWithin(at, random.below(bytes.length || 1), random.below(bytes.length || 1));
    }
    if (bytes.length === 0) break;
  }
  return random.below(64) === 0 ? Uint8Array.from({ length: random.below(200) }, () => random.below(256)) : bytes;
}

/** Header checksums right again, so that a mutation gets past the first check. */
function repair(frame: Uint8Array): void {
  const length = ((frame[14] ?? 0) & 15) * 4;
  if (frame[12] !== 8 || frame[13] !== 0 || frame.length < 14 + length || length < 20) return;
  frame[24] = frame[25] = 0;
  let sum = 0;
  for (let i = 14; i < 14 + length; i += 2) sum += (frame[i]! << 8) | frame[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  frame[24] = (~sum >> 8) & 255;
  frame[25] = ~sum & 255;
}

for (const [area, name] of CASES) {
  test(`${name}: ${FRAMES / CASES.length} frames`, { timeout: 600_000 }, () => {
    const kase = readArea(area).find((other) => other.name === name)!;
    const texts = new Map([...kase.files].filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
    const lab = new Lab(readCase(texts), { journal: false });
    const seeds = inputsOf(kase).filter(({ bytes }) => bytes.length > 0);
    const random = new Random(2026);
    let sent = 0;
    lab.onFrame = (_port, pkt) => {
      sent += pkt.length;
    };
    for (let i = 0; i < FRAMES / CASES.length; i++) {
      const seed = seeds[random.below(seeds.length)]!;
      const frame = mutate(seed.bytes, random);
      if (random.below(4) !== 0) repair(frame);
      lab.inject(seed.port, frame, i * 1e6);
    }
    expect(sent).toBeGreaterThan(0);
    // Whatever waits for an answer (fragments, neighbours) has given up after ten minutes: every packet is back.
    lab.advance(lab.clock.now + 600e9);
    expect(lab.pool.live).toBe(0);
  });
}
