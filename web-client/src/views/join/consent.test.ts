import { describe, expect, it } from "vitest";

import { ar } from "../../i18n/ar";
import { en } from "../../i18n/en";
import type { Catalogue, Key } from "../../i18n/en";
import { itemsOf } from "../../room/agreed";
import { changed, choiceFor, isAnything, recordOf, textsOf } from "./consent";
import { localVoice } from "./read_aloud";
import type { Tested } from "./taking_part";
import { testedOf, toldOf } from "./taking_part";

const sayIn = (words: Catalogue) => (key: Key): string => {
  const text = words[key];
  return typeof text === "string" ? text : text.other;
};
const say = sayIn(en);

describe("what is agreed to", () => {
  it("begins with the way the person chose, and nothing more", () => {
    expect(choiceFor("video")).toEqual({ video: true, audio: true, chat: true });
    expect(choiceFor("audio")).toEqual({ video: false, audio: true, chat: true });
    expect(choiceFor("text")).toEqual({ video: false, audio: false, chat: true });
    expect(isAnything({ video: false, audio: false, chat: false })).toBe(false);
  });

  it("is recorded with version, language, time and the words that were read", () => {
    const agreement = { version: 1, lang: "ar" as const, at: Date.UTC(2026, 10, 21, 14, 2), choice: choiceFor("audio") };
    const record = JSON.parse(recordOf(agreement, sayIn(ar))) as Record<string, unknown>;
    expect(record).toMatchObject({ kind: "aman/consent", version: 1, language: "ar", agreed_at: "2026-11-21T14:02:00.000Z", agreed_to: { video: false, audio: true, chat: true } });
    expect(JSON.stringify(record["text"])).toMatch(/[\u0600-\u06ff]/);
  });

  it("holds another answer to one thing from then on, in the language it was given in", () => {
    const before = { version: 1, lang: "ar" as const, at: 5, choice: choiceFor("audio") };
    expect(changed(before, "chat", false, "en", 9)).toEqual({ version: 1, lang: "en", at: 9, choice: { video: false, audio: true, chat: false } });
  });

  it("is recorded without what the appointment has not", () => {
    const record = JSON.parse(recordOf({ version: 1, lang: "en", at: 0, choice: choiceFor("text") }, say, itemsOf("text"))) as { agreed_to: unknown; text: { title: string }[] };
    expect(record.agreed_to).toEqual({ chat: true });
    expect(record.text.map(({ title }) => title)).not.toContain(en["consent.video.title"]);
  });

  it("names nobody and no link", () => {
    const record = recordOf({ version: 1, lang: "en", at: 0, choice: choiceFor("video") }, say);
    expect(Object.keys(JSON.parse(record) as object).sort()).toEqual(["agreed_at", "agreed_to", "kind", "language", "text", "version"]);
  });

  it("is said honestly: no recording by us, and no power over somebody's screen", () => {
    const all = textsOf(say).map(({ text }) => text).join(" ");
    expect(all).toMatch(/records nothing/);
    expect(all).toMatch(/own screen/);
    expect(all).toMatch(/no emergency service/);
  });
});

describe("reading aloud", () => {
  const voice = (lang: string, localService: boolean, isDefault = false): { lang: string; localService: boolean; default: boolean } => ({ lang, localService, default: isDefault });

  it("takes only voices on the device", () => {
    expect(localVoice([voice("ar-SA", false), voice("en-GB", true)], "ar")).toBeUndefined();
    expect(localVoice([voice("ar-SA", false), voice("ar_EG", true)], "ar")?.lang).toBe("ar_EG");
  });

  it("takes the voice that fits best", () => {
    expect(localVoice([voice("zh-HK", true), voice("zh-CN", true)], "zh")?.lang).toBe("zh-CN");
    expect(localVoice([voice("en-US", true), voice("en-GB", true, true)], "en")?.lang).toBe("en-GB");
  });
});

describe("what the counsellor sees of the test", () => {
  const none = { camera: null, microphone: null, trouble: { camera: null, microphone: null } };

  it("is how the devices did", () => {
    const found = testedOf({ ...none, trouble: { camera: "denied", microphone: null } }, "not heard", { type: "works", round_trip_ms: 900 }, { type: "blocked" });
    expect(found).toEqual({ kind: "check", camera: "denied", microphone: "off", sound: false, line: "fair", reach: false } satisfies Tested);
  });

  it("is not more than the way somebody chose", () => {
    const found: Tested = { kind: "check", camera: "ok", microphone: "ok", sound: true, line: "good", reach: false };
    expect(toldOf(found, "audio")).toMatchObject({ camera: "off", microphone: "ok", reach: false });
    expect(toldOf(found, "text")).toMatchObject({ camera: "off", microphone: "off", reach: null });
  });
});
