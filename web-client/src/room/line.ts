// How good a line is, in one word.

/** Figures of the last second. */
export interface LineFacts {
  /** Round trip, in milliseconds; `null` when unknown. */
  round_trip_ms: number | null;
  /** Share of packets lost, in the direction that is worse, 0 to 1; `null` when unknown. */
  lost: number | null;
}

/** One word. */
export type Line = "unknown" | "good" | "fair" | "weak";

/** Every word, for guards. */
export const LINES: readonly Line[] = ["unknown", "good", "fair", "weak"];

/** Decides: speech suffers above 300 ms or 3 %, and breaks above 600 ms or 10 % (ITU-T G.114 counts one way). */
export function lineOf({ round_trip_ms, lost }: LineFacts): Line {
  if (round_trip_ms === null && lost === null) return "unknown";
  const delay = round_trip_ms ?? 0;
  const loss = lost ?? 0;
  if (delay > 600 || loss > 0.1) return "weak";
  if (delay > 300 || loss > 0.03) return "fair";
  return "good";
}
