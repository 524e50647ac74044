import sharp, { type Sharp } from 'sharp';
import type { Raster } from '../result-data.js';
import type { TextureFormat } from './options.js';

function toSharp(raster: Raster): Sharp {
  const { data, width, height, channels } = raster;
  return sharp(data, { raw: { width, height, channels } }).removeAlpha();
}

/** Lossless: what the texture stage made, bit for bit; with alpha where there is some. */
export async function encodePng(raster: Raster): Promise<Uint8Array> {
  const { data, width, height, channels } = raster;
  return sharp(data, { raw: { width, height, channels } }).png().toBuffer();
}

/**
 * High-quality JPEG without chroma subsampling: about a sixth of the PNG at a difference that does not show on skin,
 * and one of the two formats that every glTF viewer must read.
 */
export async function encodeJpeg(raster: Raster): Promise<Uint8Array> {
  return toSharp(raster).jpeg({ quality: 92, chromaSubsampling: '4:4:4' }).toBuffer();
}

export async function encodeTexture(raster: Raster, format: TextureFormat): Promise<Uint8Array> {
  if (format === 'jpeg') return encodeJpeg(raster);
  if (format === 'png') return encodePng(raster);
  return toSharp(raster).webp({ quality: 90, effort: 2 }).toBuffer();
}
