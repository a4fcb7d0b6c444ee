// When somebody has waited so long that they should hear what to do.

/** Minutes past the agreed time, or of waiting where none was agreed. */
export const LONG_MINUTES = 10;

/** Whether it is long by now; all times in epoch milliseconds, `starts_at` in seconds. */
export function isLong(now: number, since: number, starts_at: number | null): boolean {
  // Who comes early waits for the agreed time first; who comes late begins to wait then.
  const from = Math.max(since, (starts_at ?? 0) * 1000);
  return now - from >= LONG_MINUTES * 60_000;
}
