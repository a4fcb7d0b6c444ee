import { describe, expect, it } from "vitest";

import type { CalendarEntry } from "./calendar";
import { calendarFile, escapeText, fold } from "./calendar";

const start = Date.UTC(2026, 10, 24, 15, 0) / 1000;
const now = Date.UTC(2026, 10, 21, 10, 30, 5) / 1000;
const entry: CalendarEntry = { uid: "k3@aman", starts_at: start, minutes: 50, title: "Appointment", text: "", url: null };

/** As RFC 5545 section 3.1 says a reader has to: first unfold, then split. */
const read = (file: string): string[] => file.replaceAll("\r\n ", "").split("\r\n");

describe("a calendar file", () => {
  it("is this, byte for byte", () => {
    expect(calendarFile([entry], now)).toBe(
      [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Aman//Appointment//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        "UID:k3@aman",
        "DTSTAMP:20261121T103005Z",
        "SEQUENCE:29920950",
        "DTSTART:20261124T150000Z",
        "DTEND:20261124T155000Z",
        "SUMMARY:Appointment",
        "CLASS:PRIVATE",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:Appointment",
        "TRIGGER:-PT15M",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
      ].join("\r\n"),
    );
  });

  it("ends each line with CRLF and has no line over 75 bytes, in any script", () => {
    const text = `موعدكم يوم الثلاثاء، الرجاء فتح الرابط على جهاز لا يستعمله غيركم. ${"约".repeat(60)} 😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀\nsecond`;
    const file = calendarFile([{ ...entry, text, url: `https://aman.example/j#1.${"x".repeat(66)}` }], now);
    expect(file.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    for (const line of file.split("\r\n")) {
      expect(new TextEncoder().encode(line).length).toBeLessThanOrEqual(75);
      expect(line).not.toContain("\ufffd");
    }
    expect(read(file)).toContain(`DESCRIPTION:${escapeText(text)}`);
    expect(read(file)).toContain(`URL:https://aman.example/j#1.${"x".repeat(66)}`);
  });

  it("cannot be given further lines by a text", () => {
    const file = calendarFile([{ ...entry, title: "x\r\nATTENDEE:mailto:a@b\nEND:VEVENT\u0000" }], now);
    expect(read(file)).toContain("SUMMARY:x\\nATTENDEE:mailto:a@b\\nEND:VEVENT");
    expect(read(file).filter((line) => line.startsWith("ATTENDEE"))).toEqual([]);
  });
});

describe("texts", () => {
  it.each([
    ["a;b,c", "a\\;b\\,c"],
    ["C:\\n", "C:\\\\n"],
    ["one\ntwo\r\nthree\rfour", "one\\ntwo\\nthree\\nfour"],
    ["tab\there\u0007", "tabhere"],
    ["预约：周二", "预约：周二"],
  ])("%j is written %j", (text, written) => {
    expect(escapeText(text)).toBe(written);
  });
});

describe("lines", () => {
  it.each([
    ["x".repeat(75), ["x".repeat(75)]],
    ["x".repeat(76), ["x".repeat(75), " x"]],
    ["x".repeat(150), ["x".repeat(75), ` ${"x".repeat(74)}`, " x"]],
    ["约".repeat(26), ["约".repeat(25), " 约"]],
    [`${"x".repeat(73)}😀`, ["x".repeat(73), " 😀"]],
    ["", [""]],
  ])("%j are folded", (line, folded) => {
    expect(fold(line).split("\r\n")).toEqual(folded);
  });
});
