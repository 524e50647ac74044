/** Where lids meet the eyeball: the shadow that the upper one casts on it, the wet line on the lower one, the caruncle. */
import type { BlendShapeHead } from '../blend-shapes.js';
import {
  add,
  alongMargin,
  type Ball,
  blend,
  type Carried,
  carriedOffsets,
  cross,
  type EyePart,
  MARGINS,
  type Mix,
  type OfModel,
  unit,
  type V3,
} from './lid-margins.js';

const COLUMNS = 20;
/** Over the ball, so that nothing flickers. */
const GAP_MM = 0.05;
/** Times the colour of what is wet. */
const SHADE = 0.03;
/** Per row, from under the lid onto the ball: mm from the margin, brightness and alpha there. */
const ROWS = {
  upper: [
    [-0.6, SHADE, 0.62],
    [0.2, SHADE, 0.5],
    [1.2, SHADE, 0.22],
    [3, SHADE, 0],
  ],
  lower: [
    [-0.6, 1, 0.5],
    [0.25, 1, 0.42],
    [0.7, SHADE, 0.14],
    [1.8, SHADE, 0],
  ],
} as const;
/** Shares of a margin's length at its corners over which a band fades in. */
const FADE = 0.12;

/** Half a ball in the inner corner: where along both margins, half its width, height and depth in mm. */
const CARUNCLE_AT = 0.93;
const CARUNCLE_MM = [2.4, 1.4, 0.7] as const;
/** From its rim inwards, so that no edge is seen. */
const CARUNCLE_ALPHA = [0, 0.6, 0.85, 0.95] as const;
const RINGS = 3;
const SPOKES = 10;

/** What lies on one ball. */
interface Piece extends Carried {
  centre: V3;
  colours: readonly number[];
  triangles: readonly number[];
}

export function wetLinesOf(result: OfModel, head: BlendShapeHead, balls: Record<Ball['name'], Ball>): EyePart {
  const pieces = [
    ...MARGINS.map((margin) => bandOf(result, head, balls[margin.eye], margin)),
    ...Object.values(balls).map((ball) => caruncleOf(result, head, ball)),
  ];
  const shapes = pieces.map(({ mixes, shape }) => shape(mixes.map((mix) => blend(mix, head.positions))));
  const firsts = shapes.map((_, i) => shapes.slice(0, i).reduce((sum, { length }) => sum + length, 0));
  return {
    positions: Float32Array.from(shapes.flat(2)),
    normals: Float32Array.from(
      pieces.flatMap(({ centre }, i) => (shapes[i] as readonly V3[]).flatMap((point) => unit(add(point, centre, -1)))),
    ),
    colours: Float32Array.from(pieces.flatMap(({ colours }) => colours)),
    indices: Uint32Array.from(
      pieces.flatMap(({ triangles }, i) => triangles.map((corner) => (firsts[i] as number) + corner)),
    ),
    joints: shapes.flat().map(() => 'skull' as const),
    offsets: carriedOffsets(head, pieces),
  };
}

/** A band on the ball along one margin, `[COLUMNS][rows]`. */
function bandOf(
  { model }: OfModel,
  head: BlendShapeHead,
  { centre, radius }: Ball,
  { points, isUpper }: (typeof MARGINS)[number],
): Piece {
  const along = alongMargin(model.dense, points, head.positions, { first: 0, last: 1, count: COLUMNS });
  const rows = ROWS[isUpper ? 'upper' : 'lower'];
  const triangles: number[] = [];
  for (let column = 0; column + 1 < COLUMNS; column++) {
    for (let row = 0; row + 1 < rows.length; row++) {
      const [a, b] = [column * rows.length + row, (column + 1) * rows.length + row];
      triangles.push(a, b, b + 1, a, b + 1, a + 1);
    }
  }
  return {
    centre,
    mixes: along.map(({ mix }) => mix),
    colours: along.flatMap(({ at }) => {
      const shown = Math.min(1, at / FADE, (1 - at) / FADE);
      return rows.flatMap(([, bright, alpha]) => [bright, bright, bright, shown * alpha]);
    }),
    triangles,
    shape: (roots) =>
      roots.flatMap((root, column) => {
        const [before, after] = [roots[Math.max(0, column - 1)], roots[Math.min(COLUMNS - 1, column + 1)]] as [V3, V3];
        const across = unit(cross(unit(add(root, centre, -1)), unit(add(after, before, -1))));
        const onto = across[1] < 0 === isUpper ? 1 : -1;
        return rows.map(([mm]) => {
          const out = unit(add(add(root, across, onto * mm), centre, -1));
          return add(centre, out, radius + GAP_MM);
        });
      }),
  };
}

/** `[RINGS][SPOKES]` from its rim inwards, then its top. */
function caruncleOf({ model }: OfModel, head: BlendShapeHead, { name, centre, radius }: Ball): Piece {
  const mixes = MARGINS.filter(({ eye }) => eye === name).map(
    ({ points }) =>
      alongMargin(model.dense, points, head.positions, { first: CARUNCLE_AT, last: 1, count: 2 })[0]?.mix as Mix,
  );
  const triangles: number[] = [];
  for (let spoke = 0; spoke < SPOKES; spoke++) {
    const next = (spoke + 1) % SPOKES;
    for (let ring = 0; ring + 1 < RINGS; ring++) {
      const [a, b] = [ring * SPOKES, (ring + 1) * SPOKES];
      triangles.push(a + spoke, a + next, b + next, a + spoke, b + next, b + spoke);
    }
    triangles.push((RINGS - 1) * SPOKES + spoke, (RINGS - 1) * SPOKES + next, RINGS * SPOKES);
  }
  return {
    centre,
    mixes,
    colours: Array.from({ length: RINGS * SPOKES + 1 }, (_, i) => [
      1,
      1,
      1,
      CARUNCLE_ALPHA[Math.floor(i / SPOKES)] as number,
    ]).flat(),
    triangles,
    shape: (roots) => {
      const middle = roots.reduce((sum, root) => add(sum, root, 1 / roots.length), [0, 0, 0] as V3);
      const out = unit(add(middle, centre, -1));
      const foot = add(centre, out, radius);
      const right = unit(cross([0, 1, 0], out));
      const up = cross(out, right);
      const place = (height: number, turn: number) => {
        const wide = Math.cos(height);
        let point = add(foot, right, CARUNCLE_MM[0] * wide * Math.cos(turn));
        point = add(point, up, CARUNCLE_MM[1] * wide * Math.sin(turn));
        return add(point, out, CARUNCLE_MM[2] * Math.sin(height));
      };
      const rings = Array.from({ length: RINGS * SPOKES }, (_, i) =>
        place((Math.PI / 2) * (Math.floor(i / SPOKES) / RINGS), (2 * Math.PI * (i % SPOKES)) / SPOKES),
      );
      return [...rings, place(Math.PI / 2, 0)];
    },
  };
}
