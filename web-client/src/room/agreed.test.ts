import { describe, expect, it } from "vitest";

import type { Choice } from "./agreed";
import { itemsOf, refusedOf, writingFor } from "./agreed";

const ALL: Choice = { video: true, audio: true, chat: true };
const SILENT: Choice = { ...ALL, chat: false };
const willing = { name: "Ana", without: [] };
const unwilling = { name: "Ben", without: ["chat" as const] };

describe("what is asked", () => {
  it("is only what the appointment has", () => {
    expect(itemsOf("video")).toEqual(["video", "audio", "chat"]);
    expect(itemsOf("audio")).toEqual(["audio", "chat"]);
    expect(itemsOf("text")).toEqual(["chat"]);
  });

  it("is a no where it was not agreed to, and nothing where nobody was asked", () => {
    expect(refusedOf({ video: false, audio: true, chat: false })).toEqual(["video", "chat"]);
    expect([refusedOf(ALL), refusedOf(null)]).toEqual([[], []]);
  });
});

describe("writing", () => {
  it("is offered to whoever agreed, and to the counsellor, who is not asked", () => {
    expect(writingFor(ALL, [willing])).toEqual({ may: true, absent: [] });
    expect(writingFor(null, [willing])).toEqual({ may: true, absent: [] });
    expect(writingFor(null, [])).toEqual({ may: true, absent: [] });
  });

  it("is not offered to whoever said no, whatever the others said", () => {
    expect(writingFor(SILENT, [willing])).toEqual({ may: false, why: "own" });
    expect(writingFor(SILENT, [])).toEqual({ may: false, why: "own" });
  });

  it("is not offered where nobody would see it", () => {
    expect(writingFor(null, [unwilling])).toEqual({ may: false, why: "theirs" });
  });

  it("goes to the others where one of several said no, and names who does not see it", () => {
    expect(writingFor(null, [unwilling, willing])).toEqual({ may: true, absent: ["Ben"] });
  });
});
