// How a text becomes the one that is shown: plural form, places filled, names isolated.
import type { Message } from "./en";

/** The languages there are. */
export type Lang = "en" | "ar" | "zh";

/** Values for the places of a text. */
export type Params = Record<string, string | number>;

// By number: as characters they would turn this very line around in an editor.
const FIRST_STRONG_ISOLATE = String.fromCharCode(0x2068);
const POP_ISOLATE = String.fromCharCode(0x2069);

/** Which way a language is written. */
export function directionOf(lang: Lang): "ltr" | "rtl" {
  return lang === "ar" ? "rtl" : "ltr";
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
