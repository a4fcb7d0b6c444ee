// What is sealed in the place of a room's title: the title itself, and what only the
// counsellor's own browser has to know about an appointment.  JSON; older rooms have
// the plain title there.
import type { Lang } from "../i18n/format";
import { LANGUAGES } from "../i18n/format";

/** One of several appointments made together, one a week. */
export interface Series {
  /** The same in all of them. */
  id: string;
  /** Which one, from 1. */
  n: number;
  of: number;
}

/** The counsellor's own view of an appointment. */
export interface Details {
  title: string;
  /** Language of the attendee's page; `null` in rooms made before there was a choice. */
  lang: Lang | null;
  note: string;
  series: Series | null;
}

/** What the vault can seal in the place of a title, in bytes: `TITLE_BYTES_MAX` of vault/keys.ts. */
export const DETAILS_BYTES_MAX = 480;

/** Most appointments of one series. */
export const SERIES_MAX = 12;

/** The details as text, to be sealed. */
export function writeDetails({ title, lang, note, series }: Details): string {
  return JSON.stringify({ v: 1, title, ...(lang === null ? {} : { lang }), ...(note === "" ? {} : { note }), ...(series === null ? {} : { repeat: series }) });
}

/** Whether they can be sealed. */
export function detailsFit(details: Details): boolean {
  return new TextEncoder().encode(writeDetails(details)).length <= DETAILS_BYTES_MAX;
}

/** Reads opened details.  What is not ours is a plain title. */
export function readDetails(text: string): Details {
  const found = objectIn(text);
  if (found?.["v"] !== 1 || typeof found["title"] !== "string") return { title: text, lang: null, note: "", series: null };
  const { title, note } = found;
  const lang = LANGUAGES.find((one) => one.lang === found["lang"])?.lang ?? null;
  return { title, lang, note: typeof note === "string" ? note : "", series: seriesIn(found["repeat"]) };
}

function seriesIn(value: unknown): Series | null {
  if (typeof value !== "object" || value === null) return null;
  const { id, n, of } = value as Record<string, unknown>;
  const isCount = (count: unknown): count is number => Number.isInteger(count) && Number(count) >= 1 && Number(count) <= SERIES_MAX;
  return typeof id === "string" && isCount(n) && isCount(of) ? { id, n, of } : null;
}

function objectIn(text: string): Record<string, unknown> | null {
  if (!text.startsWith("{")) return null;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
