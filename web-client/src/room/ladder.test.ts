import { describe, expect, it } from "vitest";

import type { Ladder, Step } from "./ladder";
import { climb, GROUND, judge, lower, PATIENCE_MAX, reaches, sends, STEPS } from "./ladder";
import type { LineFacts } from "./line";

const GOOD: LineFacts = { round_trip_ms: 60, lost: 0 };
const WEAK: LineFacts = { round_trip_ms: 900, lost: 0.3 };
const UNKNOWN: LineFacts = { round_trip_ms: null, lost: null };
const DEAD: LineFacts = { round_trip_ms: 3000, lost: 0.6 };

/** A small generator of numbers, so that a failure can be repeated. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

function run(seconds: number, facts: (second: number) => LineFacts, from = GROUND): Ladder[] {
  const all = [from];
  for (let second = 0; second < seconds; second += 1) all.push(climb(all.at(-1) ?? from, facts(second)));
  return all;
}

const changes = (all: readonly Ladder[]): number => all.filter((one, index) => index > 0 && one.step !== all[index - 1]?.step).length;
const last = (all: readonly Ladder[]): Step => all.at(-1)?.step ?? "full";

describe("the ladder", () => {
  it("leads down in order: lower picture, no own picture, voice alone, words alone", () => {
    const seen = run(60, () => DEAD).map(({ step }) => step);
    expect([...new Set(seen)]).toEqual([...STEPS]);
  });

  it("answers a bad line within five seconds, and a bad moment not at all", () => {
    expect(last(run(5, () => WEAK))).toBe("lower");
    expect(last(run(60, (second) => (second % 20 < 2 ? WEAK : GOOD)))).toBe("full");
  });

  it("keeps the voice on a line that only pictures are too much for", () => {
    expect(last(run(600, () => ({ round_trip_ms: 800, lost: 0.1 })))).toBe("audio");
  });

  it("climbs back slowly, one step after the other", () => {
    const low: Ladder = { ...GROUND, step: "audio" };
    expect(last(run(15, () => GOOD, low))).toBe("audio");
    expect(last(run(25, () => GOOD, low))).toBe("no_own");
    expect(last(run(120, () => GOOD, low))).toBe("full");
  });

  it("waits twice as long after a try that did not hold", () => {
    // Good as soon as nothing is sent, bad as soon as something is: the line is just too narrow.
    let now: Ladder = { ...GROUND, step: "audio" };
    const tries: number[] = [];
    for (let second = 0; second < 900; second += 1) {
      const next = climb(now, now.step === "audio" ? GOOD : WEAK);
      if (now.step === "audio" && next.step === "no_own") tries.push(second);
      now = next;
    }
    const pauses = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
    expect(pauses.length).toBeGreaterThan(2);
    expect(pauses.every((pause, index) => index === 0 || pause >= (pauses[index - 1] ?? 0))).toBe(true);
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(PATIENCE_MAX);
  });

  it("does nothing about a line of which nothing is known", () => {
    expect(last(run(600, () => UNKNOWN))).toBe("full");
    expect(last(run(600, () => UNKNOWN, { ...GROUND, step: "audio" }))).toBe("audio");
  });

  it("tries a voice again after a while of words alone, though nothing can be measured", () => {
    expect(run(30, () => UNKNOWN, { ...GROUND, step: "text" }).some(({ step }) => step === "audio")).toBe(true);
  });
});

describe("on any line the ladder", () => {
  const seeds = Array.from({ length: 40 }, (_, seed) => seed + 1);

  it.each(seeds)("moves one step at a time and comes to rest (seed %i)", (seed) => {
    const next = numbers(seed);
    let mood: LineFacts = GOOD;
    const all = run(3600, () => {
      if (next() < 0.08) mood = [GOOD, WEAK, UNKNOWN, DEAD, { round_trip_ms: next() * 1000, lost: next() * 0.2 }][Math.floor(next() * 5)] ?? GOOD;
      return mood;
    });
    const leaps = all.filter(({ step }, index) => Math.abs(STEPS.indexOf(step) - STEPS.indexOf(all[index - 1]?.step ?? step)) > 1);
    expect(leaps).toEqual([]);
    // Each way up needs at least PATIENCE_MIN good seconds, and there is no way down without one up but the first four.
    expect(changes(all)).toBeLessThanOrEqual(4 + 2 * (3600 / 20));
    expect(last(run(4 * PATIENCE_MAX, () => GOOD, all.at(-1)))).toBe("full");
    expect(run(60, () => DEAD, all.at(-1)).some(({ step }) => step === "text")).toBe(true);
  });
});

describe("a step", () => {
  it("is judged by what it sends", () => {
    expect(judge({ round_trip_ms: 100, lost: 0.12 }, "full")).toBe("bad");
    expect(judge({ round_trip_ms: 100, lost: 0.12 }, "audio")).toBe("neither");
    expect(judge({ round_trip_ms: 100, lost: 0.4 }, "audio")).toBe("bad");
    expect(judge({ round_trip_ms: null, lost: null }, "text")).toBe("good");
  });

  it("says what is sent, with regard to the other side", () => {
    const table: [Step, Step, boolean, boolean][] = [
      ["full", "full", true, true],
      ["lower", "full", true, true],
      ["no_own", "full", false, true],
      ["full", "no_own", true, true],
      ["full", "audio", false, true],
      ["audio", "full", false, true],
      ["text", "full", false, false],
      ["full", "text", false, false],
    ];
    for (const [own, theirs, camera, microphone] of table) expect(sends(own, theirs), `${own} ${theirs}`).toMatchObject({ camera, microphone });
    expect(sends("full", "full").lowered).toBe(false);
    expect(sends("full", "lower").lowered).toBe(true);
  });

  it("can be compared", () => {
    expect(lower("full", "audio")).toBe("audio");
    expect(lower("text", "audio")).toBe("text");
    expect([reaches("full", "audio"), reaches("audio", "audio"), reaches("text", "audio")]).toEqual([true, true, false]);
  });
});
