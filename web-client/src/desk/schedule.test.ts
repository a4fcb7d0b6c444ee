import { describe, expect, it } from "vitest";

import type { Times } from "./schedule";
import { byDay, fieldsOf, isNear, linkEnd, momentOf, nextStart, pollDelay, weekly } from "./schedule";

const now = new Date(2026, 10, 21, 10, 0);
const seconds = (...date: [number, number, number, number?]): number => Math.floor(new Date(date[0], date[1], date[2], date[3] ?? 9).getTime() / 1000);

const room = (name: string, starts_at: number | null, busy = false): Times & { name: string } => ({ name, starts_at, minutes: 50, created_at: 1, busy });

describe("the list", () => {
  it("begins with today, then what has no date, then the days to come, then what is over", () => {
    const rooms = [
      room("later", seconds(2026, 11, 1)),
      room("over", seconds(2026, 10, 20)),
      room("evening", seconds(2026, 10, 21, 18)),
      room("tomorrow", seconds(2026, 10, 22)),
      room("long over", seconds(2026, 9, 1)),
      room("any time", null),
      room("early", seconds(2026, 10, 21, 8)),
    ];
    const said = byDay(rooms, (one) => one, now).map(({ kind, rooms: below }) => [kind, ...below.map(({ name }) => name)].join(" "));
    expect(said).toEqual(["today early evening", "undated any time", "day tomorrow", "day later", "past over long over"]);
  });

  it("has what happens now under today, whatever its date", () => {
    const groups = byDay([room("moved", seconds(2026, 10, 19), true), room("open", null, true)], (one) => one, now);
    expect(groups.map(({ kind }) => kind)).toEqual(["today"]);
  });
});

describe("the date fields", () => {
  it("say a moment and are read again", () => {
    const at = seconds(2026, 2, 5, 7);
    const { date, time } = fieldsOf(at);
    expect([date, time]).toEqual(["2026-03-05", "07:00"]);
    expect(momentOf(date, time)).toBe(at);
  });

  it("say nothing where there is no date, or none that exists", () => {
    expect(fieldsOf(null)).toEqual({ date: "", time: "" });
    for (const [date, time] of [["", ""], ["2026-02-30", "10:00"], ["2026-13-01", "10:00"], ["2026-01-01", "24:00"], ["2026-01-01", ""], ["tomorrow", "10:00"]] as const) {
      expect(momentOf(date, time), `${date} ${time}`).toBeNull();
    }
  });

  it("begin with the next full or half hour", () => {
    expect(fieldsOf(nextStart(new Date(2026, 10, 21, 10, 1))).time).toBe("10:30");
    expect(fieldsOf(nextStart(new Date(2026, 10, 21, 10, 30))).time).toBe("10:30");
  });
});

it("a series keeps its time of the day over a whole year, clocks changing or not", () => {
  const times = weekly(seconds(2026, 0, 6, 9), 52).map((at) => fieldsOf(at));
  expect(new Set(times.map(({ time }) => time))).toEqual(new Set(["09:00"]));
  expect(times.slice(0, 3).map(({ date }) => date)).toEqual(["2026-01-06", "2026-01-13", "2026-01-20"]);
});

it("a link lives until twelve hours after the end, never longer, and for a week where there is no date", () => {
  const start = seconds(2026, 11, 1);
  expect(linkEnd(start, 50, now)).toBeLessThanOrEqual(start + 50 * 60 + 12 * 3600);
  expect(linkEnd(start, 50, now)).toBeGreaterThan(start + 50 * 60 + 11 * 3600);
  expect(linkEnd(null, null, now)).toBe(now.getTime() / 1000 + 7 * 24 * 3600);
});

describe("the list is read again", () => {
  it("soon when something happens, seldom when nobody looks", () => {
    expect(pollDelay({ hidden: false, failures: 0, busy: true })).toBe(5000);
    expect(pollDelay({ hidden: false, failures: 0, busy: false })).toBe(15_000);
    expect(pollDelay({ hidden: true, failures: 0, busy: true })).toBe(60_000);
  });

  it("ever later while the server does not answer, and never later than in a minute", () => {
    const waits = [1, 2, 3, 4, 20].map((failures) => pollDelay({ hidden: false, failures, busy: true }));
    expect(waits).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  it("near an appointment more often", () => {
    const start = now.getTime() / 1000 + 1200;
    expect([isNear(start, 50, now), isNear(start + 3600, 50, now), isNear(start - 3 * 3600, 50, now), isNear(null, null, now)]).toEqual([true, false, false, false]);
  });
});
