/**
 * Pearson's chi-squared test that observed counts come from a uniform distribution.
 *
 * @returns the probability of counts at least this uneven if the choice is fair (0–1)
 */
export function uniformity(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const expected = total / counts.length;
  if (counts.length < 2 || total === 0) return total === 0 ? 0 : 1;
  const statistic = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  return upperGamma((counts.length - 1) / 2, statistic / 2);
}

/** Regularised upper incomplete gamma function Q(a, x), for a a multiple of ½ (Abramowitz & Stegun 26.4.4–5). */
function upperGamma(a: number, x: number): number {
  let s = Number.isInteger(a) ? 1 : 0.5;
  let q = Number.isInteger(a) ? Math.exp(-x) : erfc(Math.sqrt(x));
  let term = Number.isInteger(a)
    ? Math.exp(-x) * x
    : (Math.exp(-x) * Math.sqrt(x)) / (Math.sqrt(Math.PI) / 2);
  while (s < a) {
    q += term;
    s += 1;
    term *= x / s;
  }
  return q;
}

/** Complementary error function, absolute error below 1.2e-7 (Numerical Recipes, erfcc). */
function erfc(z: number): number {
  const t = 1 / (1 + z / 2);
  const series = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277,
  ];
  const polynomial = series.reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  return t * Math.exp(-z * z + polynomial);
}
