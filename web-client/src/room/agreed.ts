// What can be agreed to one by one, and what follows from a "no" for what a page offers.
//
// Invariants:
// - Who said no to writing is offered none, and is shown none.
// - Nobody is offered to write where no one would be shown it.

/** What can be agreed to one by one. */
export const ITEMS = ["video", "audio", "chat"] as const;

/** One of them. */
export type Item = (typeof ITEMS)[number];

/** Yes or no to each. */
export type Choice = Readonly<Record<Item, boolean>>;

/** What an appointment of this kind has at all. */
export function itemsOf(kind: "video" | "audio" | "text"): readonly Item[] {
  return ITEMS.filter((item) => item === "chat" || kind === "video" || (kind === "audio" && item === "audio"));
}

/** What was not agreed to; nothing where nobody was asked. */
export function refusedOf(choice: Choice | null): readonly Item[] {
  return choice === null ? [] : ITEMS.filter((item) => !choice[item]);
}

/** Whether there is a chat on this page. */
export type Writing =
  | {
      may: true;
      /** Names of those who said no: they do not see it. */
      absent: readonly string[];
    }
  /** `own`: oneself said no. `theirs`: there is nobody who said yes. */
  | { may: false; why: "own" | "theirs" };

/** Decides. `others` are those the group vouches for. */
export function writingFor(own: Choice | null, others: readonly { name: string; without: readonly Item[] }[]): Writing {
  if (own?.chat === false) return { may: false, why: "own" };
  const absent = others.filter(({ without }) => without.includes("chat")).map(({ name }) => name);
  if (absent.length > 0 && absent.length === others.length) return { may: false, why: "theirs" };
  return { may: true, absent };
}
