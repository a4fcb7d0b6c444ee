// What the clock of a call says.

/** When the appointment is, as far as it was agreed. */
export interface Planned {
  /** Epoch seconds. */
  starts_at: number;
  minutes: number;
}

/** What to show. */
export type Clock =
  | { type: "elapsed"; minutes: number }
  | { type: "left"; minutes: number; soon: boolean }
  | { type: "over"; minutes: number };

/** The last minutes, which are announced. */
export const SOON_MINUTES = 5;

/** Reads the clock at `now`; all times in epoch milliseconds.  An appointment that begins late is
 * as long as it was agreed from its beginning in the calendar: others may wait for the room. */
export function clockAt(now: number, joined: number, planned: Planned | null): Clock {
  const elapsed: Clock = { type: "elapsed", minutes: Math.max(0, Math.floor((now - joined) / 60_000)) };
  if (planned === null || planned.minutes <= 0) return elapsed;
  const end = (planned.starts_at + 60 * planned.minutes) * 1000;
  // Met long before or after the agreed time: its end says nothing about this call.
  if (joined >= end || joined < planned.starts_at * 1000 - 60 * 60_000) return elapsed;
  const left = Math.ceil((end - now) / 60_000);
  if (left <= 0) return { type: "over", minutes: Math.floor((now - end) / 60_000) };
  return { type: "left", minutes: left, soon: left <= SOON_MINUTES };
}
