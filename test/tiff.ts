/** An uncompressed TIFF with one strip: kinds that sharp does not write. */
export function tiff(
  pixels: Buffer,
  kind: { width: number; height: number; channels: 1 | 3; bits: 8 | 16 | 32; isFloat: boolean; photometric: number },
): Buffer {
  const { width, height, channels, bits, isFloat, photometric } = kind;
  const [SHORT, LONG] = [3, 4];
  const lists: number[][] = [];
  const tags: [tag: number, type: number, values: number[]][] = [
    [256, LONG, [width]],
    [257, LONG, [height]],
    [258, SHORT, Array(channels).fill(bits)],
    [259, SHORT, [1]],
    [262, SHORT, [photometric]],
    [273, LONG, [0]],
    [277, SHORT, [channels]],
    [278, LONG, [height]],
    [279, LONG, [pixels.length]],
    [339, SHORT, Array(channels).fill(isFloat ? 3 : 1)],
  ];
  const listsAt = 10 + 12 * tags.length + 4;
  const pixelsAt = listsAt + 2 * 2 * (channels === 1 ? 0 : channels);
  const out = Buffer.alloc(pixelsAt);
  out.write('II*\0', 'latin1');
  out.writeUInt32LE(8, 4);
  out.writeUInt16LE(tags.length, 8);
  tags.forEach(([tag, type, values], i) => {
    const at = 10 + 12 * i;
    out.writeUInt16LE(tag, at);
    out.writeUInt16LE(type, at + 2);
    out.writeUInt32LE(values.length, at + 4);
    if (values.length > 1) {
      const list = listsAt + 2 * lists.flat().length;
      out.writeUInt32LE(list, at + 8);
      for (const [k, value] of values.entries()) out.writeUInt16LE(value, list + 2 * k);
      lists.push(values);
    } else if (tag === 273) out.writeUInt32LE(pixelsAt, at + 8);
    else if (type === SHORT) out.writeUInt16LE(values[0]!, at + 8);
    else out.writeUInt32LE(values[0]!, at + 8);
  });
  return Buffer.concat([out, pixels]);
}
