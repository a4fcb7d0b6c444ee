// What is given up first when the line is weak: voice before picture, words before nothing.
//
//   full ──► lower ──► no_own ──► audio ──► text
//        ◄──      ◄──       ◄──       ◄──
//
// Down quickly, up slowly: some bad seconds in a row lead one step down; a long good while leads
// one step up, and a step up that did not hold doubles the while for the next try.  What the
// person chose is a bound: the line may ask for less, never for more.
//
// No clock and no browser in here: one call of `climb` is one second.
//
// Invariants:
// - One second changes the step by one at most.
// - The step in force is never above what the person chose.
// - A line that is weak all the time ends at `text`; one that is good all the time, at what was chosen.
// - However the line behaves, the step changes only a bounded number of times in an hour.

import type { LineFacts } from "./line";

/** From everything to words alone. */
export const STEPS = ["full", "lower", "no_own", "audio", "text"] as const;

/** Where on the ladder. */
export type Step = (typeof STEPS)[number];

/** Where we stand. */
export interface Ladder {
  /** What the line allows. */
  readonly step: Step;
  /** Bad seconds, less the good ones since. */
  readonly bad: number;
  /** Good seconds in a row. */
  readonly good: number;
  /** Good seconds needed before the next try upwards. */
  readonly patience: number;
  /** Seconds since the last step up; `null` when it held, or there was none. */
  readonly tried: number | null;
}

/** Bad seconds that lead down.  Fewer would answer a lift; more would lose a sentence. */
export const BAD_SECONDS = 4;
/** Good seconds that lead up, at first and at most.  Fewer would flicker. */
export const PATIENCE_MIN = 20;
export const PATIENCE_MAX = 160;
/** A step up that lasts this long has held. */
export const HELD_SECONDS = 30;

/** The beginning: everything, until the line says otherwise. */
export const GROUND: Ladder = { step: "full", bad: 0, good: 0, patience: PATIENCE_MIN, tried: null };

/** How the last second was for somebody on `step`. */
export function judge({ round_trip_ms, lost }: LineFacts, step: Step): "bad" | "good" | "neither" {
  // Without media there is no loss to see: time alone is waited for, and a try tells.
  if (step === "text") return (round_trip_ms ?? 0) > 1500 ? "bad" : "good";
  if (round_trip_ms === null && lost === null) return "neither";
  const delay = round_trip_ms ?? 0;
  const loss = lost ?? 0;
  // Speech alone bears more (Opus repairs and conceals) before writing is the better way.
  if (step === "audio") return delay > 1500 || loss > 0.25 ? "bad" : delay < 400 && loss < 0.05 ? "good" : "neither";
  if (delay > 700 || loss > 0.08) return "bad";
  return delay < 350 && loss < 0.03 ? "good" : "neither";
}

/** One second went by. */
export function climb(before: Ladder, facts: LineFacts): Ladder {
  const verdict = judge(facts, before.step);
  const tried = before.tried === null ? null : before.tried + 1;
  const held = tried !== null && tried >= HELD_SECONDS;
  const now: Ladder = {
    step: before.step,
    bad: verdict === "bad" ? before.bad + 1 : Math.max(0, before.bad - 0.5),
    good: verdict === "good" ? before.good + 1 : verdict === "bad" ? 0 : before.good,
    patience: held ? PATIENCE_MIN : before.patience,
    tried: held ? null : tried,
  };
  if (now.bad >= BAD_SECONDS && now.step !== "text") return down(now);
  if (now.good >= now.patience && now.step !== "full") return up(now);
  return now;
}

/** The lower of two steps. */
export function lower(one: Step, other: Step): Step {
  return STEPS.indexOf(one) > STEPS.indexOf(other) ? one : other;
}

/** Whether `step` still has what `needed` has. */
export function reaches(step: Step, needed: Step): boolean {
  return STEPS.indexOf(step) <= STEPS.indexOf(needed);
}

/** What one sends on `own` step, when the other side is on `theirs`. */
export function sends(own: Step, theirs: Step): { camera: boolean; microphone: boolean; lowered: boolean } {
  return {
    // A picture that the other side could not take is not sent: it would cost them their voice.
    camera: reaches(own, "lower") && reaches(theirs, "no_own"),
    microphone: reaches(own, "audio") && reaches(theirs, "audio"),
    lowered: own !== "full" || theirs !== "full",
  };
}

function down(from: Ladder): Ladder {
  const failed = from.tried !== null;
  const patience = failed ? Math.min(PATIENCE_MAX, from.patience * 2) : from.patience;
  return { step: STEPS[STEPS.indexOf(from.step) + 1] ?? "text", bad: 0, good: 0, patience, tried: null };
}

function up(from: Ladder): Ladder {
  return { ...from, step: STEPS[STEPS.indexOf(from.step) - 1] ?? "full", bad: 0, good: 0, tried: 0 };
}
