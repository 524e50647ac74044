import { defineConfig } from 'vitest/config';

const report = process.env.HRN_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/build-dist.ts',
    // A process per file: the addon and ONNX Runtime are loaded as a program would load them, and a crash is one file's.
    pool: 'forks',
    // Where .ci/run wants the counts.
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
