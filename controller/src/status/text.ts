const MINUTE_S = 60;
const HOUR_S = 3_600;

/** `0.4 s`, `12 s`, `3 min 5 s`, `23 h 59 min`. @param milliseconds rounded down */
export function formatDurationMs(milliseconds: number): string {
  if (milliseconds < 10_000) return `${(Math.max(0, milliseconds) / 1_000).toFixed(1)} s`;
  const seconds = Math.floor(milliseconds / 1_000);
  if (seconds < MINUTE_S) return `${seconds} s`;
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min ${seconds % MINUTE_S} s`;
  return `${Math.floor(seconds / HOUR_S)} h ${Math.floor((seconds % HOUR_S) / MINUTE_S)} min`;
}
