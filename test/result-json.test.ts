import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { reconstructionSchema } from './reconstruction-schema.js';
import { syntheticHead } from './synthetic-head.js';

describe('Reconstruction.toJSON', () => {
  const head = syntheticHead();
  const json = JSON.parse(JSON.stringify(head));

  it('has the documented layout and nothing else', () => {
    const validate = new Ajv().compile(reconstructionSchema);
    validate(json);
    expect(validate.errors).toBeNull();
  });

  it('says what the result says', () => {
    expect(json.input).toEqual({ width: 512, height: 512 });
    expect(json.camera.projection).toEqual(head.camera.projection);
    expect(json.mesh).toEqual({
      vertices: head.mesh.positions.length / 3,
      triangles: head.mesh.indices.length / 3,
      units: 'mm',
    });
    expect(json.coefficients.identity).toEqual([0.5, -1.25]);
    expect(json.coefficients.lighting[1]).toEqual(Array.from(head.coefficients.lighting.subarray(9, 18)));
    expect(json.landmarks68.pixels[67]).toEqual([200.5, 200.5]);
    expect(json.scale).toEqual({ source: 'iris', irisDiameterPx: 15 });
    expect(json.models).toEqual(head.models);
  });
});
