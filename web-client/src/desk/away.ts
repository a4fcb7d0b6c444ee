// Whether anybody still uses the desk.

/** Before signing out the desk asks, for this long. */
export const ASK_SECONDS = 60;

/** Seconds until the desk signs itself out, from when on it asks; `null` before that. */
export function secondsLeft(usedAt: number, now: number, minutes: number): number | null {
  if (minutes <= 0) return null;
  const left = Math.ceil((usedAt + minutes * 60_000 - now) / 1000);
  return left > ASK_SECONDS ? null : Math.max(0, left);
}
