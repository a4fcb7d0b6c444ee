// What somebody agreed to: which text, in which language, when, and to what of it.
//
// The record is on this device, and on the counsellor's when both signed it; never on the server.
import type { Key } from "../../i18n/en";
import type { Lang } from "../../i18n/format";
import type { Choice, Item } from "../../room/agreed";
import { ITEMS } from "../../room/agreed";
import type { WayToTakePart } from "./taking_part";

/** Raised whenever the meaning of a card changes, in all languages at once. */
export const CONSENT_VERSION = 1;

/** What was agreed to. */
export interface Agreement {
  version: number;
  lang: Lang;
  /** Epoch milliseconds. */
  at: number;
  choice: Choice;
}

/** A card that is read before agreeing. */
export interface Card {
  title: Key;
  text: Key;
}

/** The cards with a choice. */
export const ITEM_CARDS: Readonly<Record<Item, Card>> = {
  video: { title: "consent.video.title", text: "consent.video.text" },
  audio: { title: "consent.audio.title", text: "consent.audio.text" },
  chat: { title: "consent.chat.title", text: "consent.chat.text" },
};

/** The cards without one. */
export const NOTICE_CARDS: readonly Card[] = [
  { title: "consent.recording.title", text: "consent.recording.text" },
  { title: "consent.emergency.title", text: "consent.emergency.text" },
  { title: "consent.withdraw.title", text: "consent.withdraw.text" },
];

/** The choice that goes with how somebody wants to take part; they can still change it. */
export function choiceFor(way: WayToTakePart): Choice {
  return { video: way === "video", audio: way !== "text", chat: true };
}

/** Whether there is a way to meet at all. */
export function isAnything(choice: Choice): boolean {
  return ITEMS.some((item) => choice[item]);
}

/** The agreement with another answer to one item. */
export function changed(before: Agreement, item: Item, agreed: boolean, lang: Lang, at: number): Agreement {
  return { version: CONSENT_VERSION, lang, at, choice: { ...before.choice, [item]: agreed } };
}

/** The text for the reader and the file: every card that was shown, in order. */
export function textsOf(say: (key: Key) => string, items: readonly Item[] = ITEMS): { title: string; text: string }[] {
  return [...items.map((item) => ITEM_CARDS[item]), ...NOTICE_CARDS].map(({ title, text }) => ({ title: say(title), text: say(text) }));
}

/** The record as a file: what was agreed to, in the words that were read. */
export function recordOf(agreement: Agreement, say: (key: Key) => string, items: readonly Item[] = ITEMS): string {
  const { version, lang, at, choice } = agreement;
  const record = { kind: "aman/consent", version, language: lang, agreed_at: new Date(at).toISOString(), agreed_to: Object.fromEntries(items.map((item) => [item, choice[item]])), text: textsOf(say, items) };
  return `${JSON.stringify(record, null, 2)}\n`;
}
