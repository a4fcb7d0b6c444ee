// What the counsellor hands to the attendee outside of this page: words in the attendee's
// language, neutral enough for a lock screen.  No name, and nothing about what it is for.
import type { Key } from "../i18n/en";
import type { Lang, Params } from "../i18n/format";
import { localeOf } from "../i18n/format";

/** Texts of the attendee's language. */
export type TextsOf = (key: Key, params?: Params) => string;

/** Day, hour and zone, as people write them in this language. */
export function momentWords(lang: Lang, starts_at: number): string {
  const style = { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZoneName: "short" } as const;
  return plain(new Intl.DateTimeFormat(localeOf(lang), style).format(starts_at * 1000));
}

/** A message to send: when, how, and the link on a line of its own. */
export function reminderText(texts: TextsOf, lang: Lang, starts_at: number | null, link: string): string {
  const first = starts_at === null ? texts("out.undated") : texts("out.reminder", { when: momentWords(lang, starts_at) });
  return plain(`${first}\n${texts("out.private")}\n${link}`);
}

/** Marks that keep directions apart on a page are seen as boxes on old telephones. */
function plain(text: string): string {
  return text.replace(/[\u2066-\u2069\u200e\u200f]/g, "");
}
