// The language of the page: chosen, kept for this tab, switched at run time.
// Only the language in use is loaded, and of it only the areas that the page needs.
import type { Area, Catalogue, Key } from "./en";
import type { Lang, Message, Params } from "./format";
import { directionOf, format, localeOf } from "./format";

export type { Lang } from "./format";
export { firstLanguage, LANGUAGES, localeOf } from "./format";

type Texts = Readonly<Record<string, Message>>;

const LOADERS: Record<Lang, Record<Area, () => Promise<{ words: Texts }>>> = {
  en: {
    common: () => import("./en/common"),
    join: () => import("./en/join"),
    call: () => import("./en/call"),
    desk: () => import("./en/desk"),
    account: () => import("./en/account"),
    programs: () => import("./en/programs"),
  },
  ar: {
    common: () => import("./ar/common"),
    join: () => import("./ar/join"),
    call: () => import("./ar/call"),
    desk: () => import("./ar/desk"),
    account: () => import("./ar/account"),
    programs: () => import("./ar/programs"),
  },
  zh: {
    common: () => import("./zh/common"),
    join: () => import("./zh/join"),
    call: () => import("./zh/call"),
    desk: () => import("./zh/desk"),
    account: () => import("./zh/account"),
    programs: () => import("./zh/programs"),
  },
};

const KEPT = "aman-lang";

class Words {
  lang: Lang = $state("en");
  private catalogue: Partial<Catalogue> = $state.raw({});
  private readonly needed = new Set<Area>(["common"]);
  private wanted: Lang | null = null;
  private turn = 0;

  /** Takes a language, on the whole page. */
  async use(lang: Lang): Promise<void> {
    const turn = ++this.turn;
    this.wanted = lang;
    const loaded = await Promise.all([...this.needed].map((area) => LOADERS[lang][area]()));
    if (turn !== this.turn) return;
    this.catalogue = Object.assign({}, ...loaded.map(({ words }) => words)) as Partial<Catalogue>;
    this.lang = lang;
    const root = document.documentElement;
    root.lang = lang === "zh" ? "zh-Hans" : lang;
    root.dir = directionOf(lang);
    keep(lang);
  }

  /** Makes the texts of these areas available, in whatever language is used. */
  async need(...areas: readonly Area[]): Promise<void> {
    const missing = areas.filter((area) => !this.needed.has(area));
    for (const area of missing) this.needed.add(area);
    // Again with all of them: a switch of the language may be under way.
    if (missing.length > 0 && this.wanted !== null) await this.use(this.wanted);
  }

  /** The text for `key`; empty while its area is being loaded. */
  text(key: Key, params: Params = {}): string {
    const message = this.catalogue[key];
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

/** Texts in a language of their own, for what somebody else will read. */
export async function textsIn(lang: Lang, ...areas: readonly Area[]): Promise<(key: Key, params?: Params) => string> {
  const loaded = await Promise.all(areas.map((area) => LOADERS[lang][area]()));
  const all = Object.assign({}, ...loaded.map(({ words: some }) => some)) as Texts;
  return (key, params = {}) => {
    const message = all[key];
    return message === undefined ? "" : format(lang, message, params);
  };
}

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
