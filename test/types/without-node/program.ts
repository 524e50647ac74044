// The declarations that are shipped, in a program that has no types of node's.
import * as hrn from 'hrn-face';

export async function use(pixels: Uint8Array): Promise<number> {
  const face: hrn.Reconstruction = await hrn.fit({ data: pixels, width: 640, height: 480, channels: 3 });
  const names = Object.keys(face.coefficients.expression) as hrn.ExpressionName[];
  const own: hrn.Hrn = await hrn.create({ device: 'cpu' });
  await own.dispose();
  return names.length;
}
