// What a tile shows: a picture, or the word that says why there is none.
//
// Invariants:
// - A tile without a picture always has a word.
// - A picture is shown only of somebody the group vouches for.
// - Safety comes before comfort: `unsafe` wins over every other word.

/** What is known of one other participant's picture. */
export interface TileFacts {
  /** Whether our own connection to the server is up. */
  here_connected: boolean;
  /** Whether theirs is. */
  connected: boolean;
  /** For how long theirs has not been, in milliseconds. */
  gone_ms: number;
  /** Whether the group vouches for them. */
  vouched: boolean;
  /** Whether they say that their camera is on. */
  camera_on: boolean;
  /** Whether they did not agree to a picture of themselves. */
  refused: boolean;
  /** Whether a picture of theirs was drawn since the camera went on. */
  drawn: boolean;
  /** Since when no new picture was decoded, in milliseconds. */
  still_ms: number;
  /** For how long frames have come of which none could be opened, in milliseconds. */
  locked_ms: number;
  /** Whether their device is busy with something else, such as a telephone call. */
  away: boolean;
  /** Whether pictures are paused on purpose, so that the voice gets through. */
  paused: boolean;
  /** Whether everything is stopped because the safety codes differ. */
  stopped: boolean;
  /** Whether the watchdog saw media go past the vault. */
  alarmed: boolean;
}

/** What to draw. */
export type TileState =
  | { type: "picture" }
  | { type: "unsafe" }
  | { type: "here_reconnecting" }
  | { type: "reconnecting"; seconds: number }
  | { type: "securing" }
  | { type: "stopped" }
  | { type: "away" }
  | { type: "paused" }
  | { type: "refused" }
  | { type: "camera_off" }
  | { type: "cannot_open" }
  | { type: "weak_line" };

/** A picture that stands still for longer than this is called weak. */
export const STILL_MS_MAX = 2500;

/** Frames that cannot be opened for longer than this are more than a key on its way. */
export const LOCKED_MS_MAX = 4000;

/** Decides. */
export function tileState(facts: TileFacts): TileState {
  if (facts.alarmed) return { type: "unsafe" };
  if (facts.stopped) return { type: "stopped" };
  if (!facts.here_connected) return { type: "here_reconnecting" };
  if (!facts.connected) return { type: "reconnecting", seconds: Math.floor(facts.gone_ms / 1000) };
  if (!facts.vouched) return { type: "securing" };
  if (facts.away) return { type: "away" };
  if (!facts.camera_on && facts.refused) return { type: "refused" };
  if (!facts.camera_on) return facts.paused ? { type: "paused" } : { type: "camera_off" };
  if (facts.locked_ms > LOCKED_MS_MAX) return { type: "cannot_open" };
  if (!facts.drawn) return facts.still_ms > 3 * STILL_MS_MAX ? { type: "weak_line" } : { type: "securing" };
  return facts.still_ms > STILL_MS_MAX ? { type: "weak_line" } : { type: "picture" };
}

/** Whether the video element is to be seen: the last picture stays under "weak line". */
export function showsVideo(state: TileState, drawn: boolean): boolean {
  return state.type === "picture" || (state.type === "weak_line" && drawn);
}
