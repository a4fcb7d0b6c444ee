import { describe, expect, it } from "vitest";

import type { DoorstepLine, DoorstepNote } from "./doorstep";
import { lastCheck, readDoorstepNote, writeDoorstepNote } from "./doorstep";

const check: DoorstepNote & { kind: "check" } = { kind: "check", camera: "denied", microphone: "ok", sound: true, line: "good", reach: true };

describe("a note before admission", () => {
  it.each<DoorstepNote>([{ kind: "text", text: "I am on the bus" }, { kind: "wait" }, { kind: "not_today", text: "غدًا" }, check])("%j is read as it was written", (note) => {
    expect(readDoorstepNote(writeDoorstepNote(note))).toEqual(note);
  });

  it.each(["", "null", "[]", "{", '"text"', '{"kind":"admit"}', '{"kind":"text"}', '{"kind":"text","text":" "}', '{"kind":"text","text":{}}'])("%s is none", (text) => {
    expect(readDoorstepNote(text)).toBeNull();
  });

  it("has no place for what is long, or not known to us", () => {
    const long = readDoorstepNote(JSON.stringify({ kind: "text", text: "😀".repeat(600) }));
    expect(Array.from(long?.kind === "text" ? long.text : "")).toHaveLength(500);
    expect(readDoorstepNote('{"kind":"check","camera":"<b>","microphone":7,"sound":"yes","line":["good"]}')).toEqual({ kind: "check", camera: null, microphone: null, sound: null, line: null, reach: null });
    expect(writeDoorstepNote({ kind: "not_today", text: "x".repeat(900) })).toHaveLength(500 + '{"kind":"not_today","text":""}'.length);
  });
});

it("the last check of a person counts, and nobody else's", () => {
  const line = (participant: string, own: boolean, note: DoorstepNote): DoorstepLine => ({ participant, own, note });
  const lines = [line("7", false, { ...check, camera: "ok" }), line("7", false, check), line("7", true, { ...check, camera: "busy" }), line("8", false, { ...check, camera: "off" }), line("7", false, { kind: "wait" })];
  expect(lastCheck(lines, "7")?.camera).toBe("denied");
  expect(lastCheck(lines, "9")).toBeNull();
});
