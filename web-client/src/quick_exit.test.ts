import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { Presses } from "./quick_exit";

function pressed(...keys: [key: string, at: number][]): boolean {
  const presses = new Presses();
  return keys.map(([key, at]) => presses.take(key, at)).at(-1) ?? false;
}

describe("leaving by the keyboard", () => {
  it("takes Shift three times", () => {
    expect(pressed(["Shift", 0], ["Shift", 400], ["Shift", 800])).toBe(true);
    expect(pressed(["Shift", 0], ["Shift", 400])).toBe(false);
  });

  it("takes them within five seconds", () => {
    expect(pressed(["Shift", 0], ["Shift", 2500], ["Shift", 5000])).toBe(true);
    expect(pressed(["Shift", 0], ["Shift", 2600], ["Shift", 5001])).toBe(false);
    expect(pressed(["Shift", 0], ["Shift", 4000], ["Shift", 6000], ["Shift", 7000])).toBe(true);
  });

  it("is not what somebody does who writes capitals", () => {
    expect(pressed(["Shift", 0], ["A", 100], ["Shift", 300], ["B", 400], ["Shift", 600])).toBe(false);
  });
});

describe("before any script has loaded", () => {
  const page = readFileSync(new URL("../index.html", import.meta.url), "utf8");

  it("there is a way out, and a cover that waits", () => {
    expect(page).toMatch(/<a id="quick-exit"[^>]* href="https:\/\/[^"]+" rel="noreferrer"/);
    expect(page).toMatch(/<div id="cover"/);
  });

  it("nothing on the page, nor the tab, says what this is", () => {
    expect(/<title>([^<]+)/.exec(page)?.[1]).toBe("Appointment");
    expect(page).not.toMatch(/counsel|therap|aman|psych/i);
  });
});
