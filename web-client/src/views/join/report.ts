// What the device test found, as a text for a helper: in English, because the helper may be
// anybody's, and without a name, a link, an address or the names that people give their devices.
import type { DeviceTrouble } from "../../room/words";
import type { Browser } from "./browser";
import type { Heard } from "./hearing";
import type { LineCheck } from "./line_check";
import type { Reach } from "./reach";

/** What was found. */
export interface Findings {
  browser: Browser;
  /** Language of the page. */
  lang: string;
  /** What the browser lacks for a sealed call. */
  lacks: string | null;
  camera: boolean;
  cameraTrouble: DeviceTrouble | null;
  microphone: boolean;
  microphoneTrouble: DeviceTrouble | null;
  heard: Heard;
  /** Loudest reading, between 0 and 1. */
  peak: number;
  /** What the person said about the test sound. */
  sound: "not played" | "heard" | "not heard" | "no answer";
  line: LineCheck;
  reach: Reach;
  online: boolean;
}

/** The report. `at` is shown to the minute. */
export function reportOf(found: Findings, at: Date): string {
  const { browser, line } = found;
  const lines = [
    "Device test",
    `Time: ${at.toISOString().slice(0, 16)}Z`,
    `Browser: ${[browser.name, browser.version].join(" ").trim() || "unknown"}`,
    `System: ${browser.system || "unknown"}`,
    `Page language: ${found.lang}`,
    `Can seal picture and sound: ${found.lacks === null ? "yes" : `no (${found.lacks})`}`,
    `Camera: ${deviceLine(found.camera, found.cameraTrouble)}`,
    `Microphone: ${deviceLine(found.microphone, found.microphoneTrouble)}`,
    `Microphone hears: ${found.microphone ? `${found.heard} (loudest ${Math.round(found.peak * 100)} of 100)` : "-"}`,
    `Test sound: ${found.sound}`,
    `Online, says the browser: ${found.online ? "yes" : "no"}`,
    `Line to the server: ${lineLine(line)}`,
    `Way of picture and sound (UDP): ${reachLine(found.reach)}`,
  ];
  return `${lines.join("\r\n")}\r\n`;
}

function deviceLine(works: boolean, trouble: DeviceTrouble | null): string {
  if (works) return "works";
  return trouble === null ? "not asked for" : trouble;
}

function reachLine(reach: Reach): string {
  switch (reach.type) {
    case "checking":
      return "not finished";
    case "works":
      return reach.round_trip_ms === null ? "works" : `works, ${reach.round_trip_ms} ms there and back`;
    case "blocked":
      return "blocked, nothing came back";
    case "unknown":
      return "not tried";
  }
}

function lineLine(line: LineCheck): string {
  switch (line.type) {
    case "checking":
      return "not finished";
    case "works":
      return `works, ${line.round_trip_ms} ms there and back`;
    case "no_socket":
      return "the server answers, the WebSocket does not open";
    case "unreachable":
      return "the server does not answer";
  }
}
