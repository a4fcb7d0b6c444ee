import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { LIVE_PAUSE_MS, Throttle } from "./throttle";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("somebody who types fast is heard at a pace, and the last letter soon", () => {
  const said: { text: string; at: number }[] = [];
  const begin = Date.now();
  const throttle = new Throttle<string>((text) => said.push({ text, at: Date.now() - begin }));
  let text = "";
  for (let letter = 0; letter < 50; letter += 1) {
    text += "a";
    throttle.give(text);
    vi.advanceTimersByTime(40);
  }
  const typed = Date.now() - begin - 40;
  vi.advanceTimersByTime(500);
  expect(said.at(-1)?.text).toBe(text);
  expect((said.at(-1)?.at ?? Infinity) - typed).toBeLessThanOrEqual(LIVE_PAUSE_MS);
  for (let second = 0; second < 3; second += 1) {
    expect(said.filter(({ at }) => at >= second * 1000 && at < second * 1000 + 1000).length).toBeLessThanOrEqual(1000 / LIVE_PAUSE_MS);
  }
});

test("the first letter is said at once", () => {
  const said: string[] = [];
  const throttle = new Throttle<string>((text) => said.push(text));
  throttle.give("a");
  expect(said).toEqual(["a"]);
});

test("what was stopped is not said", () => {
  const said: string[] = [];
  const throttle = new Throttle<string>((text) => said.push(text));
  throttle.give("a");
  throttle.give("ab");
  throttle.stop();
  vi.advanceTimersByTime(2000);
  expect(said).toEqual(["a"]);
});

test("what waits can be said at once, and is then said once", () => {
  const said: string[] = [];
  const throttle = new Throttle<string>((text) => said.push(text));
  throttle.flush();
  throttle.give("a");
  throttle.give("ab");
  throttle.flush();
  expect(said).toEqual(["a", "ab"]);
  vi.advanceTimersByTime(2000);
  throttle.flush();
  expect(said).toEqual(["a", "ab"]);
});
