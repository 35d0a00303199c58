/** Seeded chance: xoshiro128** (Blackman and Vigna), the state filled by splitmix32. Equal seeds give equal draws. @module */
export class Random {
  private readonly state = new Uint32Array(4);

  constructor(seed: number) {
    let z = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      z = (z + 0x9e3779b9) >>> 0;
      let t = z ^ (z >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      this.state[i] = t ^ (t >>> 15);
    }
  }

  /** 32 random bits, as a uint32. */
  u32(): number {
    const s = this.state;
    const product = Math.imul(s[1]!, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return result;
  }

  /** An integer in [0, n), n up to 2^32: the high part of the product, as get_random_u32_below. */
  below(n: number): number {
    return Math.floor((this.u32() / 2 ** 32) * n);
  }
}
