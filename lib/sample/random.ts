/**
 * xoshiro128** (Blackman and Vigna, 2018), seeded through splitmix32. Integer arithmetic only, so a seed gives the same
 * sequence on every machine.
 */
export class Random {
  private readonly state = new Uint32Array(4);

  /** @param seed any integer; its low 32 bits count */
  constructor(seed: number) {
    let s = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      s = (s + 0x9e3779b9) >>> 0;
      let z = s;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.state[i] = z ^ (z >>> 15);
    }
  }

  /** Even over [0, 1), 32 bits. */
  uniform(low = 0, high = 1): number {
    const s = this.state;
    const x = Math.imul(s[1]!, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return low + (high - low) * (result / 0x100000000);
  }

  /** An integer in [0, count). */
  integer(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** Normal (Box and Muller), cut at `limit` standard deviations by drawing again. */
  normal(mean = 0, sigma = 1, limit = 3): number {
    for (;;) {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
      const x = radius * Math.cos(2 * Math.PI * this.uniform());
      if (Math.abs(x) <= limit) return mean + sigma * x;
    }
  }
}
