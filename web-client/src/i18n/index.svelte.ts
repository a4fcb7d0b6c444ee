// The language of the page: chosen, kept for this tab, switched at run time.
// Only the catalogue in use is loaded.
import type { Catalogue, Key, Message } from "./en";

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

const LOADERS: Record<Lang, () => Promise<Catalogue>> = {
  en: async () => (await import("./en")).en,
  ar: async () => (await import("./ar")).ar,
  zh: async () => (await import("./zh")).zh,
};

const KEPT = "aman-lang";

class Words {
  lang: Lang = $state("en");
  private catalogue: Catalogue | null = $state.raw(null);

  /** Takes a language, on the whole page. */
  async use(lang: Lang): Promise<void> {
    this.catalogue = await LOADERS[lang]();
    this.lang = lang;
    const root = document.documentElement;
    root.lang = lang === "zh" ? "zh-Hans" : lang;
    root.dir = directionOf(lang);
    keep(lang);
  }

  /** The text for `key`. */
  text(key: Key, params: Params = {}): string {
    const message = this.catalogue?.[key];
    return message === undefined ? "" : format(this.lang, message, params);
  }

  /** A point in time, short. */
  when(seconds: number): string {
    return new Intl.DateTimeFormat(localeOf(this.lang), { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
  }
}

/** The words of the page. */
export const words = new Words();

/** Short for `words.text`. */
export const t = (key: Key, params?: Params): string => words.text(key, params);

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

/** The language chosen in this tab before. */
export function keptLanguage(): string | null {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

/** Chooses the plural form and fills the places. */
export function format(lang: Lang, message: Message, params: Params): string {
  const form = typeof message === "string" ? message : pluralOf(lang, message, Number(params["n"] ?? 0));
  return form.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    if (value === undefined) return whole;
    if (typeof value === "number") return new Intl.NumberFormat(localeOf(lang)).format(value);
    // Isolated, so that a name in another script does not turn the sentence around.
    return `\u2068${value}\u2069`;
  });
}

function pluralOf(lang: Lang, message: Exclude<Message, string>, n: number): string {
  return message[new Intl.PluralRules(lang).select(n)] ?? message.other;
}

/** Latin digits in Arabic, until somebody chooses others. */
function localeOf(lang: Lang): string {
  return lang === "ar" ? "ar-u-nu-latn" : lang === "zh" ? "zh-Hans" : "en-GB";
}

function keep(lang: Lang): void {
  try {
    sessionStorage.setItem(KEPT, lang);
  } catch {
    // No storage: the browser's language is taken again next time.
  }
}
