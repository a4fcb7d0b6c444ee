import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { LIVE_CHARACTERS_MAX, PLACE_CHARACTERS_MAX, read, write } from "./said";

describe("what is said beside the chat", () => {
  it("is read as it was written", () => {
    expect(read.live(write.live("نعم 好 yes"))).toBe("نعم 好 yes");
    expect(read.line(write.line("weak"))).toBe("weak");
    expect(read.mismatch(write.mismatch(true))).toBe(true);
    const standing = { type: "standing", step: "audio", sharing: true, away: false, without: ["chat"] } as const;
    expect(read.step(write.step(standing))).toEqual(standing);
    const odd = '{"type":"standing","step":"full","without":["chat","soul",3]}';
    expect(read.step(odd)).toMatchObject({ without: ["chat"] });
    expect(read.step('{"type":"standing","step":"full","without":"chat"}')).toMatchObject({ without: [] });
    expect(read.step(write.step({ type: "stop_sharing" }))).toEqual({ type: "stop_sharing" });
    for (const said of [{ type: "ask" }, { type: "rather_not" }, { type: "answer", text: "Main street 4" }] as const) {
      expect(read.place(write.place(said))).toEqual(said);
    }
  });

  it("is nothing when it makes no sense", () => {
    const nonsense = ["", "{", "null", "[]", "3", '"text"', "{}", '{"text":4}', '{"line":"great"}', '{"step":"roof","type":"standing"}', '{"__proto__":{"text":"x"}}', '{"type":"answer"}', '{"differs":"yes"}'];
    for (const text of nonsense) {
      for (const topic of Object.values(read)) expect(topic(text), text).toBeNull();
    }
  });

  it("is bounded, and keeps the end of a long draft with whole characters", () => {
    const long = "a".repeat(300) + "👪".repeat(300);
    const kept = read.live(write.live(long)) ?? "";
    expect(kept.length).toBeLessThanOrEqual(LIVE_CHARACTERS_MAX);
    // Half a character would become a mark of what could not be written.
    expect(new TextDecoder().decode(new TextEncoder().encode(kept))).toBe(kept);
    expect(read.live(JSON.stringify({ text: "b".repeat(9000) }))?.length).toBe(LIVE_CHARACTERS_MAX);
    expect(read.place(JSON.stringify({ type: "answer", text: "b".repeat(9000) }))).toEqual({ type: "answer", text: "b".repeat(PLACE_CHARACTERS_MAX) });
  });

  it("is what docs/protocol.md says", () => {
    const page = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");
    const examples = [...page.matchAll(/^\| `(live|line|step|place|mismatch)` \| `(\{.*\})` \|/gm)];
    expect(examples.length).toBe(8);
    for (const [, topic, text] of examples) expect(read[topic as keyof typeof read](text ?? ""), text).not.toBeNull();
  });
});
