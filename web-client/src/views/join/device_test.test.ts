import { describe, expect, it } from "vitest";

import { browserOf, permissionHelp } from "./browser";
import { hear, heardBy, opened, PATIENCE_MS } from "./hearing";
import type { Findings } from "./report";
import { reportOf } from "./report";

describe("a microphone", () => {
  const later = PATIENCE_MS + 1;

  it("has time before it is called silent", () => {
    expect(heardBy(PATIENCE_MS - 1, opened(0))).toBe("listening");
    expect(heardBy(later, opened(0))).toBe("silent");
  });

  it("that hears a room but no voice is only quiet", () => {
    expect(heardBy(later, hear(opened(0), 0.1))).toBe("quiet");
  });

  it("that heard a voice once is good", () => {
    expect(heardBy(100, hear(hear(opened(0), 0.6), 0))).toBe("heard");
  });
});

describe("help with permissions", () => {
  it.each([
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1", "Safari", "17", "iOS", "help.denied.safari_ios"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/124.0.6367.88 Mobile/15E148 Safari/604.1", "Chrome", "124", "iOS", "help.denied.other_ios"],
    ["Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36", "Chrome", "124", "Android", "help.denied.chrome_android"],
    ["Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0", "Firefox", "125", "Android", "help.denied.firefox_android"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox", "128", "Linux", "help.denied.firefox"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15", "Safari", "17", "macOS", "help.denied.safari_mac"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0", "Edge", "124", "Windows", "help.denied.chrome"],
  ])("fits the browser: %s", (userAgent, name, version, system, help) => {
    const browser = browserOf(userAgent);
    expect(browser).toEqual({ name, version, system });
    expect(permissionHelp(browser)).toBe(help);
  });

  it("says something for a browser nobody knows", () => {
    expect(permissionHelp(browserOf("curl/8"))).toBe("help.denied.chrome");
  });
});

describe("the report", () => {
  const found: Findings = {
    browser: { name: "Firefox", version: "128", system: "Linux" },
    lang: "ar",
    lacks: null,
    camera: false,
    cameraTrouble: "denied",
    microphone: true,
    microphoneTrouble: null,
    heard: "quiet",
    peak: 0.123,
    sound: "not heard",
    line: { type: "works", round_trip_ms: 42 },
    reach: { type: "works", round_trip_ms: 12 },
    online: true,
  };

  it("says what a helper asks", () => {
    const text = reportOf(found, new Date(Date.UTC(2026, 10, 21, 9, 30, 59)));
    for (const line of ["Time: 2026-11-21T09:30Z", "Browser: Firefox 128", "Camera: denied", "Microphone hears: quiet (loudest 12 of 100)", "Test sound: not heard", "Line to the server: works, 42 ms there and back", "Way of picture and sound (UDP): works, 12 ms there and back"]) {
      expect(text).toContain(`${line}\r\n`);
    }
  });

  it("does not claim what was not tried", () => {
    expect(reportOf({ ...found, reach: { type: "unknown" } }, new Date(0))).toMatch(/UDP\): not tried\r\n/);
    expect(reportOf({ ...found, reach: { type: "checking" } }, new Date(0))).toMatch(/UDP\): not finished\r\n/);
    expect(reportOf({ ...found, reach: { type: "works", round_trip_ms: null } }, new Date(0))).toMatch(/UDP\): works\r\n/);
    expect(reportOf({ ...found, reach: { type: "blocked" } }, new Date(0))).toMatch(/UDP\): blocked/);
    expect(reportOf({ ...found, line: { type: "unreachable" } }, new Date(0))).toContain("the server does not answer");
  });
});
