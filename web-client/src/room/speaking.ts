// Who speaks, from how loud it is: quick to begin, slow to end, so that a ring does not flicker.

/** What is remembered between two readings. */
export interface Speech {
  speaking: boolean;
  /** Milliseconds above the threshold in a row. */
  loud_ms: number;
  /** Milliseconds since it was last above. */
  quiet_ms: number;
}

/** Nobody has said anything yet. */
export const SILENT: Speech = { speaking: false, loud_ms: 0, quiet_ms: 0 };

/** A voice at arm's length, on the scale of media/level.ts (0 is -60 dB, 1 is full). */
export const VOICE_LEVEL = 0.35;
/** A door or a cough is shorter. */
const BEGIN_MS = 130;
/** The pause between two words is shorter. */
const END_MS = 700;

/** One reading, `ms` after the one before. */
export function hearken(before: Speech, level: number, ms: number): Speech {
  const loud = level >= VOICE_LEVEL;
  const loud_ms = loud ? before.loud_ms + ms : 0;
  const quiet_ms = loud ? 0 : before.quiet_ms + ms;
  return { speaking: before.speaking ? quiet_ms < END_MS : loud_ms >= BEGIN_MS, loud_ms, quiet_ms };
}
