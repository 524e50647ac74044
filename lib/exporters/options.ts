import { HrnError } from '../errors.js';
import { invalid } from '../options.js';
import type { ReconstructionData } from '../result-data.js';
import { isArkitName } from './arkit.js';

export const LODS = [0, 1, 2] as const;
export type Lod = (typeof LODS)[number];
export const COMPRESSIONS = ['none', 'meshopt'] as const;
export type Compression = (typeof COMPRESSIONS)[number];
export const TEXTURE_FORMATS = ['jpeg', 'png', 'webp'] as const;
export type TextureFormat = (typeof TEXTURE_FORMATS)[number];

export const BASE_COLORS = ['photo', 'albedo'] as const;
export type BaseColor = (typeof BASE_COLORS)[number];

/** What of a head goes into a file, and how. Formats that cannot hold something leave it out. */
export interface ExportOptions {
  /**
   * Morph targets (GLB): `arkit` (default), all of the model's expressions in Apple's order; `none`; or a list of names.
   * The fitted expressions that are not listed stay in the base shape, so that the file looks like the photo.
   */
  targets?: 'arkit' | 'none' | readonly string[] | undefined;
  /** Nodes for neck, skull, jaw and eyes that the mesh is bound to (GLB). Default true. */
  skeleton?: boolean | undefined;
  /** Corneas, lashes and wet lines as nodes of their own (GLB, level of detail 0). Default true. */
  eyeParts?: boolean | undefined;
  /** Level of detail: 0 (default), all triangles; 1, about a third of them; 2, about a tenth. */
  lod?: Lod | undefined;
  /** `none` (default) or `meshopt`, which asks for EXT_meshopt_compression and KHR_mesh_quantization (GLB). */
  compression?: Compression | undefined;
  /** Colours of the surface: `photo` (default), `face.texture`; or `albedo`, `face.albedo`, for scenes with lights. */
  baseColor?: BaseColor | undefined;
  /** Image format of the texture (GLB): `jpeg` (default), `png` or `webp`, which asks for EXT_texture_webp. */
  textureFormat?: TextureFormat | undefined;
}

export interface ResolvedExportOptions {
  targets: 'arkit' | 'none' | readonly string[];
  skeleton: boolean;
  eyeParts: boolean;
  lod: Lod;
  compression: Compression;
  textureFormat: TextureFormat;
  baseColor: BaseColor;
}

const NAMES = ['targets', 'skeleton', 'eyeParts', 'lod', 'compression', 'textureFormat', 'baseColor'] as const;

/** Checks and completes; an explicit undefined means the default. Throws HrnError INVALID_OPTION. */
export function resolveExportOptions(options: ExportOptions = {}): ResolvedExportOptions {
  const { targets, skeleton, eyeParts, lod, compression, textureFormat, baseColor } = options;
  if (skeleton !== undefined && typeof skeleton !== 'boolean') throw invalid('true or false', 'skeleton', skeleton);
  if (eyeParts !== undefined && typeof eyeParts !== 'boolean') throw invalid('true or false', 'eyeParts', eyeParts);
  return {
    targets: targets === undefined ? 'arkit' : checkedTargets(targets),
    skeleton: skeleton ?? true,
    eyeParts: eyeParts ?? true,
    lod: oneOf(LODS, 'lod', lod),
    compression: oneOf(COMPRESSIONS, 'compression', compression),
    textureFormat: oneOf(TEXTURE_FORMATS, 'textureFormat', textureFormat),
    baseColor: oneOf(BASE_COLORS, 'baseColor', baseColor),
  };
}

/** The result with the texture that the options ask for. Throws HrnError INVALID_OPTION where it was not made. */
export function withBaseColor(result: ReconstructionData, { baseColor }: ResolvedExportOptions): ReconstructionData {
  if (baseColor === 'photo') return result;
  if (result.albedo) return { ...result, texture: result.albedo };
  throw new HrnError('INVALID_OPTION', "baseColor: 'albedo' needs face.albedo: fit with texture: 'albedo' or 'both'", {
    details: { option: 'baseColor' },
  });
}

/** The export options among others that a call takes. */
export function exportOptionsOf(options: ExportOptions): ExportOptions {
  return Object.fromEntries(NAMES.map((name) => [name, options[name]])) as ExportOptions;
}

function oneOf<T>(values: readonly [T, ...T[]] | readonly T[], name: string, value: unknown): T {
  if (value === undefined) return values[0] as T;
  if (values.includes(value as T)) return value as T;
  throw invalid(values.map((one) => (typeof one === 'string' ? `'${one}'` : String(one))).join(', '), name, value);
}

function checkedTargets(targets: unknown): 'arkit' | 'none' | readonly string[] {
  if (targets === 'arkit' || targets === 'none') return targets;
  if (!Array.isArray(targets) || targets.length === 0 || targets.some((name) => typeof name !== 'string')) {
    throw invalid("'arkit', 'none' or a list of expression names", 'targets', targets);
  }
  return [...new Set(targets as string[])];
}

/** Which of a model's expressions become morph targets, as indices into `names`, in the order of the file. */
export function chosenTargets(targets: ResolvedExportOptions['targets'], names: readonly string[]): number[] {
  if (targets === 'none') return [];
  const wanted = targets === 'arkit' ? names : targets;
  const missing = wanted.filter((name) => !names.includes(name));
  if (missing.length > 0) {
    const known = missing.every(isArkitName) ? ' (an ARKit name, but not one of this model)' : '';
    throw new HrnError(
      'INVALID_OPTION',
      `expected names of the model's expressions for option targets, got ${missing.join(', ')}${known}; it has ${names.join(', ')}`,
      { details: { option: 'targets' } },
    );
  }
  return wanted.map((name) => names.indexOf(name));
}
