// What the attendee's page shows before anybody is let in: sealed by the counsellor's browser
// under the link's key, opened by the browser that holds the link.  JSON inside.
import type { Lang } from "../i18n/format";
import { LANGUAGES } from "../i18n/format";

/** Who will be met, and in which language the page begins.  An empty text was not given. */
export interface CounsellorCard {
  name: string;
  /** For example "Counsellor". */
  role: string;
  agency: string;
  /** Number in a professional register. */
  registration: string;
  lang: Lang | null;
  /** A few words of the counsellor for the one who waits. */
  words: string;
}

/** Longest text in each place, in characters. */
export const CARD_TEXT_MAX = { name: 80, role: 80, agency: 80, registration: 60, words: 280 } as const;

/** The card as text, to be sealed. */
export function writeCard(card: CounsellorCard): string {
  return JSON.stringify({ v: 1, ...card });
}

/** Reads an opened card; `null` when it is anything else. */
export function readCard(text: string): CounsellorCard | null {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof read !== "object" || read === null) return null;
  const found = read as Record<string, unknown>;
  if (found["v"] !== 1) return null;
  const place = (key: keyof typeof CARD_TEXT_MAX): string => {
    const value = found[key];
    return typeof value === "string" ? Array.from(value).slice(0, CARD_TEXT_MAX[key]).join("") : "";
  };
  const lang = LANGUAGES.find((one) => one.lang === found["lang"])?.lang ?? null;
  return { name: place("name"), role: place("role"), agency: place("agency"), registration: place("registration"), lang, words: place("words") };
}
