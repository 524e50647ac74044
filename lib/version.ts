import { createRequire } from 'node:module';

/** The version of this package, from its one source. */
export const VERSION = ownVersion();

function ownVersion(): string {
  try {
    return (createRequire(import.meta.url)('../package.json') as { version: string }).version;
  } catch (cause) {
    // A bundler has moved this code away from its files; in CommonJS it has no URL either.
    throw new Error(
      'hrn-face cannot be bundled: its addon and models lie beside it. Leave it out of the bundle ' +
        '(esbuild --external:hrn-face, `external` elsewhere) and install it where the bundle runs; see docs/bundling.md.',
      { cause },
    );
  }
}
