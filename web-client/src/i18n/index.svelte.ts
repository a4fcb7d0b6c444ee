// The language of the page: chosen, kept for this tab, switched at run time.
// Only the catalogue in use is loaded.
import type { Catalogue, Key } from "./en";
import type { Lang, Params } from "./format";
import { directionOf, format, localeOf } from "./format";

export type { Lang } from "./format";
export { firstLanguage, LANGUAGES } from "./format";

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

/** The language chosen in this tab before. */
export function keptLanguage(): string | null {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function keep(lang: Lang): void {
  try {
    sessionStorage.setItem(KEPT, lang);
  } catch {
    // No storage: the browser's language is taken again next time.
  }
}
