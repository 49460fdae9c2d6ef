import { defineConfig } from 'vitest/config';

/** Times here are ceilings: what is waited for comes in a moment, and on a busy machine somewhat later. */
const expectations = { poll: { timeout: 20_000, interval: 20 } };
/** For what other programs do, of which many run at once. */
const patientExpectations = { poll: { timeout: 60_000, interval: 20 } };

/** One project for each rung of the ladder of tests (docs/architecture.md, "Tests"). */
export default defineConfig({
  test: {
    // Most tests wait for other processes: a core that is kept free would be idle.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{shared,node-agent,controller,svcctl,deploy/lab}/src/**/*.test.ts',
            'test/{,bench/,vm/}*.test.ts',
          ],
          testTimeout: 30_000,
          expect: expectations,
        },
      },
      {
        test: {
          name: 'property',
          include: ['test/property/**/*.test.ts'],
          testTimeout: 60_000,
          expect: expectations,
        },
      },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          expect: patientExpectations,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { concurrent: false },
          expect: patientExpectations,
        },
      },
    ],
  },
});
