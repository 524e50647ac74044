/** Drawn portraits of animals: fur of strands, a snout, dark eyes. Nobody's photo is needed to ask what becomes of them. */
import sharp from 'sharp';
import { Random } from '../../lib/sample/random.js';

type Rgb = readonly [number, number, number];

/** Fur's colours: of the face, of the snout, of the ears. */
const COATS: readonly (readonly [Rgb, Rgb, Rgb])[] = [
  [
    [176, 122, 66],
    [222, 196, 160],
    [110, 70, 38],
  ],
  [
    [58, 50, 46],
    [150, 118, 92],
    [40, 34, 32],
  ],
  [
    [214, 206, 196],
    [236, 230, 222],
    [170, 150, 130],
  ],
  [
    [140, 118, 100],
    [226, 188, 160],
    [92, 74, 60],
  ],
];
export const ANIMALS = ['dog', 'cat', 'monkey'] as const;
export type AnimalKind = (typeof ANIMALS)[number];

/** A square picture of one animal that looks at the camera; PNG. */
export async function animalPortrait(seed: number, size: number, kind?: AnimalKind): Promise<Buffer> {
  const random = new Random(seed);
  const animal = kind ?? ANIMALS[random.integer(ANIMALS.length)]!;
  const coat = COATS[random.integer(COATS.length)]!;
  const base = await sharp(Buffer.from(drawing(animal, coat, random)))
    .resize(size, size)
    .removeAlpha()
    .raw()
    .toBuffer();
  strands(base, size, animal, random);
  return sharp(base, { raw: { width: size, height: size, channels: 3 } })
    .blur(0.6)
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/** Head about the middle of a square of 100. */
function drawing(kind: AnimalKind, [fur, snout, ears]: readonly [Rgb, Rgb, Rgb], random: Random): string {
  const rgb = (c: Rgb, gain = 1) => `rgb(${c.map((v) => Math.round(Math.min(255, v * gain))).join(',')})`;
  const wall = `hsl(${random.integer(360)},30%,${30 + random.integer(40)}%)`;
  const eyeX = (kind === 'monkey' ? 9 : 13) + random.uniform(-1.5, 1.5);
  const eyeY = 43 + random.uniform(-2, 2);
  const eye = (x: number) =>
    `<ellipse cx="${x}" cy="${eyeY}" rx="5.4" ry="4.6" fill="#1a1210"/><ellipse cx="${x}" cy="${eyeY}" rx="4" ry="3.8" fill="${kind === 'cat' ? '#a8a040' : '#3a2210'}"/><ellipse cx="${x}" cy="${eyeY}" rx="${kind === 'cat' ? 1.2 : 2.4}" ry="2.8" fill="#050303"/><circle cx="${x + 1.3}" cy="${eyeY - 1.4}" r="0.9" fill="#fff"/>`;
  const earShapes: Record<AnimalKind, string> = {
    dog: `<path d="M26 30 Q12 34 14 62 Q24 66 30 48Z M74 30 Q88 34 86 62 Q76 66 70 48Z" fill="${rgb(ears)}"/>`,
    cat: `<path d="M24 36 L20 8 L44 24Z M76 36 L80 8 L56 24Z" fill="${rgb(ears)}"/>`,
    monkey: `<circle cx="20" cy="48" r="9" fill="${rgb(snout, 0.85)}"/><circle cx="80" cy="48" r="9" fill="${rgb(snout, 0.85)}"/>`,
  };
  const snoutShapes: Record<AnimalKind, string> = {
    dog: `<ellipse cx="50" cy="64" rx="15" ry="16" fill="${rgb(snout)}"/><ellipse cx="50" cy="57" rx="7" ry="5" fill="#171213"/><path d="M50 62 V70 M50 70 Q42 77 36 71 M50 70 Q58 77 64 71" stroke="#2a1c18" stroke-width="1.6" fill="none"/>`,
    cat: `<ellipse cx="44" cy="62" rx="9" ry="7" fill="${rgb(snout)}"/><ellipse cx="56" cy="62" rx="9" ry="7" fill="${rgb(snout)}"/><path d="M46 55 H54 L50 59Z" fill="#c07a74"/><path d="M50 59 V64 Q45 68 41 65 M50 64 Q55 68 59 65" stroke="#3a2820" stroke-width="1.2" fill="none"/>`,
    monkey: `<ellipse cx="50" cy="50" rx="19" ry="17" fill="${rgb(snout)}"/><ellipse cx="50" cy="66" rx="17" ry="13" fill="${rgb(snout)}"/><path d="M47 58 Q48 61 49 58 M51 58 Q52 61 53 58" stroke="#2a1a14" stroke-width="1.8" fill="none"/><path d="M38 68 Q50 74 62 68" stroke="#4a2a22" stroke-width="1.6" fill="none"/><path d="M38 38 Q50 33 62 38" stroke="${rgb(fur, 0.5)}" stroke-width="3" fill="none"/>`,
  };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><defs><radialGradient id="l" cx="0.4" cy="0.35"><stop offset="0" stop-color="#fff" stop-opacity="0.35"/><stop offset="1" stop-color="#000" stop-opacity="0.3"/></radialGradient></defs><rect width="100" height="100" fill="${wall}"/><ellipse cx="50" cy="100" rx="40" ry="30" fill="${rgb(fur, 0.8)}"/>${kind === 'dog' ? '' : earShapes[kind]}<ellipse cx="50" cy="50" rx="32" ry="34" fill="${rgb(fur)}"/><g transform="translate(50 60) scale(${random.uniform(0.85, 1.2)} ${random.uniform(0.85, 1.2)}) translate(-50 -60)">${snoutShapes[kind]}</g>${eye(50 - eyeX)}${eye(50 + eyeX)}${kind === 'dog' ? earShapes.dog : ''}<ellipse cx="50" cy="50" rx="33" ry="35" fill="url(#l)"/></svg>`;
}

/** Short lines of a lighter or darker tone, away from the middle of the head; eyes and nose stay bare. */
function strands(pixels: Buffer, size: number, kind: AnimalKind, random: Random): void {
  const count = Math.round(size * size * 0.06);
  const length = size * 0.03;
  for (let n = 0; n < count; n++) {
    const [x, y] = [random.uniform(0, size), random.uniform(0, size)];
    const [u, v] = [(x / size) * 100 - 50, (y / size) * 100 - 50];
    if ((u / 36) ** 2 + (v / 38) ** 2 > 1 && v < 20) continue;
    if (Math.hypot(Math.abs(u) - (kind === 'monkey' ? 9 : 13), v + 7) < 6 || Math.hypot(u, v - 7) < 7) continue;
    // A monkey's face is bare.
    if (kind === 'monkey' && (u / 19) ** 2 + ((v - 6) / 26) ** 2 < 1) continue;
    const angle = Math.atan2(v - 5, u) + random.normal(0, 0.3);
    const tone = random.uniform(0.75, 1.25);
    for (let t = 0; t < length; t++) {
      const [px, py] = [Math.round(x + Math.cos(angle) * t), Math.round(y + Math.sin(angle) * t)];
      if (px < 0 || py < 0 || px >= size || py >= size) break;
      const o = 3 * (py * size + px);
      for (let k = 0; k < 3; k++) pixels[o + k] = Math.min(255, pixels[o + k]! * (1 + (tone - 1) * (1 - t / length)));
    }
  }
}
