import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { ar } from "./ar";
import type { Catalogue, Key } from "./en";
import { en } from "./en";
import type { Lang, Message } from "./format";
import { directionOf, firstLanguage, format } from "./format";
import { zh } from "./zh";

const SRC = new URL("..", import.meta.url).pathname;
const CATALOGUES: Record<Lang, Catalogue> = { en, ar, zh };
const KEYS = Object.keys(en) as Key[];

const forms = (message: Message): string[] => (typeof message === "string" ? [message] : Object.values(message));
const places = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "").sort();

function sources(): { name: string; text: string }[] {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" });
  const ours = files.filter((name) => /\.(ts|svelte)$/.test(name) && !/\.test\.ts$|^i18n\/(en|ar|zh)\/|^protocol\/|^vault\/wasm/.test(name));
  return ours.map((name) => ({ name, text: readFileSync(join(SRC, name), "utf8") }));
}

describe.each(["ar", "zh"] as const)("the catalogue %s", (lang) => {
  it("has every text and no other", () => {
    expect(Object.keys(CATALOGUES[lang]).sort()).toEqual([...KEYS].sort());
  });

  it("fills the same places", () => {
    for (const key of KEYS) {
      const expected = new Set(forms(en[key]).flatMap(places));
      for (const form of forms(CATALOGUES[lang][key])) {
        // A plural form may say its number as a word.
        const found = places(form);
        const isPlural = typeof en[key] !== "string";
        expect(isPlural ? found.every((place) => expected.has(place)) : found.join() === [...expected].sort().join(), `${lang} ${key}`).toBe(true);
      }
    }
  });

  it("is translated", () => {
    const script = lang === "ar" ? /[\u0600-\u06ff]/ : /[\u4e00-\u9fff]/;
    for (const key of KEYS) for (const form of forms(CATALOGUES[lang][key])) expect(form, key).toMatch(script);
  });
});

describe("the texts", () => {
  it("are all used", () => {
    const all = sources().map(({ text }) => text).join("\n");
    expect(KEYS.filter((key) => !all.includes(`"${key}"`))).toEqual([]);
  });

  it("are plural in every form the language has", () => {
    for (const lang of ["en", "ar", "zh"] as const) {
      const rules = new Intl.PluralRules(lang).resolvedOptions().pluralCategories;
      for (const key of KEYS) {
        const message = CATALOGUES[lang][key];
        if (typeof message === "string") continue;
        expect(rules.filter((rule) => !(rule in message)), `${lang} ${key}`).toEqual([]);
      }
    }
  });

  it("choose the plural form by number", () => {
    expect(format("en", en["chat.unread"], { n: 1 })).toBe("1 new message");
    expect(format("en", en["chat.unread"], { n: 2 })).toBe("2 new messages");
    expect(format("ar", ar["chat.unread"], { n: 2 })).toBe("رسالتان جديدتان");
    expect(format("ar", ar["chat.unread"], { n: 11 })).toBe("11 رسالة جديدة");
  });

  it("isolate names, so that they do not turn a sentence around", () => {
    expect(format("ar", ar["room.knock"], { name: "Ben" })).toBe("\u2068Ben\u2069 ينتظر.");
  });

  it("begin in the language of the link, then of the tab, then of the browser", () => {
    expect(firstLanguage("?lang=zh", "ar", ["en-GB"])).toBe("zh");
    expect(firstLanguage("", "ar", ["en-GB"])).toBe("ar");
    expect(firstLanguage("?lang=xx", null, ["fr", "ar-EG", "en"])).toBe("ar");
    expect(firstLanguage("", null, ["zh-Hant-TW"])).toBe("zh");
    expect(firstLanguage("", null, ["fr"])).toBe("en");
  });

  it("run the right way", () => {
    expect((["en", "ar", "zh"] as const).map(directionOf)).toEqual(["ltr", "rtl", "ltr"]);
  });
});

it("texts belong to one area each, or the one loaded last would win", () => {
  const names = ["en", "ar", "zh"].map((lang) => {
    const files = readdirSync(join(SRC, "i18n", lang)).filter((name) => name !== "index.ts");
    return files.flatMap((name) => [...readFileSync(join(SRC, "i18n", lang, name), "utf8").matchAll(/^ {2}"([\w.]+)":/gm)].map((match) => match[1] ?? ""));
  });
  for (const keys of names) expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
});

describe("styles", () => {
  it("name no left and no right, so that Arabic mirrors by itself", () => {
    const css = [...sources(), ...readdirSync(join(SRC, "styles")).map((name) => ({ name, text: readFileSync(join(SRC, "styles", name), "utf8") }))];
    const sided = /(?:^|[\s;{])(?:(?:margin|padding|border|inset|scroll-margin|scroll-padding)-(?:left|right)|left|right|text-align:\s*(?:left|right)|float)\s*:|text-align:\s*(?:left|right)/m;
    const guilty = css.filter(({ name, text }) => {
      const styles = name.endsWith(".css") ? text : name.endsWith(".svelte") ? (text.split("<style>")[1] ?? "") : "";
      return sided.test(styles);
    });
    expect(guilty.map(({ name }) => name)).toEqual([]);
  });
});
