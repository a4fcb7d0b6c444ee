// How a text becomes the one that is shown: plural form, places filled, names isolated.
/** A text, or one for each plural form of `n`. */
export type Message = string | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>);

/** The languages there are. */
export type Lang = "en" | "ar" | "zh";

/** Each language by its own name. */
export const LANGUAGES: readonly { lang: Lang; name: string }[] = [
  { lang: "en", name: "English" },
  { lang: "ar", name: "العربية" },
  { lang: "zh", name: "中文" },
];

/** Values for the places of a text. */
export type Params = Record<string, string | number>;

// By number: as characters they would turn this very line around in an editor.
const FIRST_STRONG_ISOLATE = String.fromCharCode(0x2068);
const POP_ISOLATE = String.fromCharCode(0x2069);

/** Which way a language is written. */
export function directionOf(lang: Lang): "ltr" | "rtl" {
  return lang === "ar" ? "rtl" : "ltr";
}

/** The language to begin with. */
export function firstLanguage(search: string, kept: string | null, browser: readonly string[]): Lang {
  const wishes = [new URLSearchParams(search).get("lang"), kept, ...browser];
  for (const wish of wishes) {
    const found = LANGUAGES.find(({ lang }) => wish?.toLowerCase().split("-")[0] === lang);
    if (found !== undefined) return found.lang;
  }
  return "en";
}

/** Chooses the plural form and fills the places. */
export function format(lang: Lang, message: Message, params: Params): string {
  const form = typeof message === "string" ? message : pluralOf(lang, message, Number(params["n"] ?? 0));
  return form.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    if (value === undefined) return whole;
    if (typeof value === "number") return new Intl.NumberFormat(localeOf(lang)).format(value);
    // Isolated, so that a name in another script does not turn the sentence around.
    return FIRST_STRONG_ISOLATE + value + POP_ISOLATE;
  });
}

function pluralOf(lang: Lang, message: Exclude<Message, string>, n: number): string {
  return message[new Intl.PluralRules(lang).select(n)] ?? message.other;
}

/** Latin digits in Arabic, until somebody chooses others. */
export function localeOf(lang: Lang): string {
  return lang === "ar" ? "ar-u-nu-latn" : lang === "zh" ? "zh-Hans" : "en-GB";
}
