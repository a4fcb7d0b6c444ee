// When a room closes because somebody is alone in it: first they are asked, then it counts down.

/** What to show. */
export type Idle = { type: "no" } | { type: "asks"; seconds: number } | { type: "over" };

/** How long one is asked. */
export const ASK_SECONDS = 60;

/** Decides; times in milliseconds, `idle_minutes` 0 for never. */
export function idleAt(now: number, alone_since: number | null, idle_minutes: number): Idle {
  if (alone_since === null || idle_minutes <= 0) return { type: "no" };
  const asked = now - alone_since - idle_minutes * 60_000;
  if (asked < 0) return { type: "no" };
  const seconds = Math.ceil(ASK_SECONDS - asked / 1000);
  return seconds > 0 ? { type: "asks", seconds } : { type: "over" };
}

/** Seconds that are spoken: few, so that nobody is pressed. */
export function isSpoken(seconds: number): boolean {
  return seconds === ASK_SECONDS || seconds === 30 || seconds === 10;
}
