// What participants' pages say to each other beside the chat: read with suspicion, for the other
// side may run other software than ours.  Each topic has its own small JSON text.

import { type Item, ITEMS } from "./agreed";
import { STEPS, type Step } from "./ladder";
import { type Line, LINES } from "./line";

/** Longest draft that is shown while it is being written, in characters. */
export const LIVE_CHARACTERS_MAX = 500;
/** Longest answer about a place. */
export const PLACE_CHARACTERS_MAX = 500;

/** How the sender's media stand. */
export interface Standing {
  step: Step;
  /** The camera's place is taken by a screen. */
  sharing: boolean;
  /** Their device is busy with something else, such as a telephone call. */
  away: boolean;
  /** What they did not agree to: it is neither sent nor shown. */
  without: readonly Item[];
}

/** Moderators may ask somebody to stop sharing. */
export type StepSaid = ({ type: "standing" } & Standing) | { type: "stop_sharing" };

/** About the place, should help have to be sent. */
export type PlaceSaid = { type: "ask" } | { type: "answer"; text: string } | { type: "rather_not" };

/** How somebody stands of whom nothing is known. */
export const STANDING: Standing = { step: "full", sharing: false, away: false, without: [] };

/** Words for the wire. */
export const write = {
  live: (text: string): string => JSON.stringify({ text: lastCharacters(text, LIVE_CHARACTERS_MAX) }),
  line: (line: Line): string => JSON.stringify({ line }),
  step: (said: StepSaid): string => JSON.stringify(said),
  place: (said: PlaceSaid): string => JSON.stringify(said),
  mismatch: (differs: boolean): string => JSON.stringify({ differs }),
};

/** Words from the wire; `null` for what is none of ours. */
export const read = {
  live(text: string): string | null {
    const draft = field(text, "text");
    return typeof draft === "string" ? lastCharacters(draft, LIVE_CHARACTERS_MAX) : null;
  },
  line(text: string): Line | null {
    const word = field(text, "line");
    return LINES.find((line) => line === word) ?? null;
  },
  step(text: string): StepSaid | null {
    const type = field(text, "type");
    if (type === "stop_sharing") return { type };
    const word = field(text, "step");
    const step = STEPS.find((one) => one === word);
    if (type !== "standing" || step === undefined) return null;
    return { type, step, sharing: field(text, "sharing") === true, away: field(text, "away") === true, without: itemsIn(field(text, "without")) };
  },
  place(text: string): PlaceSaid | null {
    const type = field(text, "type");
    if (type === "ask" || type === "rather_not") return { type };
    const answer = field(text, "text");
    return type === "answer" && typeof answer === "string" ? { type, text: answer.slice(0, PLACE_CHARACTERS_MAX) } : null;
  },
  mismatch(text: string): boolean | null {
    const differs = field(text, "differs");
    return typeof differs === "boolean" ? differs : null;
  },
};

function itemsIn(value: unknown): readonly Item[] {
  return Array.isArray(value) ? ITEMS.filter((item) => value.includes(item)) : [];
}

/** The end of a text, never with half a character at its beginning. */
function lastCharacters(text: string, n: number): string {
  if (text.length <= n) return text;
  const end = text.slice(-n);
  return /^[\uDC00-\uDFFF]/.test(end) ? end.slice(1) : end;
}

function field(text: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    return (value as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}
