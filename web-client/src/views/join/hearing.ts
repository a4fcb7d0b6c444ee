// Whether a microphone that is open hears anything at all.  Time comes in as an argument.

/** Below this a room is quieter than any room is: the device sends nothing. */
const NOTHING = 0.02;

/** From here on somebody speaks. */
const SPEECH = 0.35;

/** So long may somebody take before they say a word. */
export const PATIENCE_MS = 6000;

/** What is known of a microphone. */
export interface Hearing {
  /** When it was opened, in milliseconds. */
  since: number;
  /** The loudest it heard. */
  peak: number;
}

/** A word for it: `silent` is a warning, `quiet` an invitation to speak. */
export type Heard = "listening" | "quiet" | "silent" | "heard";

/** A microphone that was opened just now. */
export function opened(now: number): Hearing {
  return { since: now, peak: 0 };
}

/** Takes one more reading. */
export function hear(hearing: Hearing, level: number): Hearing {
  return level > hearing.peak ? { ...hearing, peak: level } : hearing;
}

/** What to say about it. */
export function heardBy(now: number, { since, peak }: Hearing): Heard {
  if (peak >= SPEECH) return "heard";
  if (now - since < PATIENCE_MS) return "listening";
  return peak <= NOTHING ? "silent" : "quiet";
}
