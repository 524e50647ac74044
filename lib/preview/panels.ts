import sharp from 'sharp';
import type { Raster } from '../result-data.js';

/** Between two panels, pixels. */
const GAP = 6;

/** Square panels of one size in rows, row after row, as PNG. */
export async function joinPanels(panels: readonly Raster[], columns = panels.length): Promise<Uint8Array> {
  const side = (panels[0] as Raster).width;
  const rows = Math.ceil(panels.length / columns);
  const extent = (count: number) => count * side + (count - 1) * GAP;
  return sharp({
    create: { width: extent(columns), height: extent(rows), channels: 3, background: 'white' },
  })
    .composite(
      panels.map((panel, i) => ({
        input: Buffer.from(panel.data.buffer, panel.data.byteOffset, panel.data.byteLength),
        raw: { width: panel.width, height: panel.height, channels: panel.channels },
        left: (i % columns) * (side + GAP),
        top: Math.floor(i / columns) * (side + GAP),
      })),
    )
    .removeAlpha()
    .png()
    .toBuffer();
}
