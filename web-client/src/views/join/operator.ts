// What the operator of the server set for its pages, read without trusting its form: a page
// behind a link must open even if this could not be had.
import type { Lang } from "../../i18n/format";

/** Somebody to turn to at once. */
export interface CrisisLine {
  name: string;
  contact: string;
  hours: string;
}

/** The operator's settings, as the pages of the person counselled need them. */
export interface Operator {
  exitUrl: string;
  agency: string;
  /** Whether being seen here is dangerous for those who come. */
  sensitive: boolean;
  /** After so many minutes alone a room closes; 0 for never. */
  idleMinutes: number;
  crisis: Readonly<Record<string, readonly CrisisLine[]>>;
}

/** Before the server answered, and where it said nothing. */
export const NO_OPERATOR: Operator = { exitUrl: "", agency: "", sensitive: false, idleMinutes: 0, crisis: {} };

/** Most lines shown in one language. */
const LINES_MAX = 8;

/** Reads `GET /api/state`. */
export function operatorOf(answer: unknown): Operator {
  if (!isRecord(answer)) return NO_OPERATOR;
  const crisis = isRecord(answer["crisis"]) ? answer["crisis"] : {};
  return {
    exitUrl: textOf(answer["exit_url"]),
    agency: textOf(answer["agency"]),
    sensitive: answer["sensitive"] === true,
    idleMinutes: typeof answer["idle_minutes"] === "number" && answer["idle_minutes"] > 0 ? answer["idle_minutes"] : 0,
    crisis: Object.fromEntries(Object.entries(crisis).map(([lang, lines]) => [lang, linesOf(lines)])),
  };
}

/** The lines for somebody who reads this language; those of another one rather than none. */
export function linesFor(operator: Operator, lang: Lang): readonly CrisisLine[] {
  const own = operator.crisis[lang] ?? [];
  if (own.length > 0) return own;
  return operator.crisis["en"] ?? Object.values(operator.crisis).find((lines) => lines.length > 0) ?? [];
}

/** Where a press on a contact leads: a call, a page; nowhere for anything else. */
export function addressOf(contact: string): string | null {
  const number = contact.replaceAll(/[\s()./-]/g, "");
  if (/^\+?\d{2,16}$/.test(number)) return `tel:${number}`;
  const address = /^https:\/\//.test(contact) ? contact : /^[\w-]+(\.[\w-]+)+(\/\S*)?$/.test(contact) ? `https://${contact}` : "";
  return URL.canParse(address) ? address : null;
}

function linesOf(given: unknown): readonly CrisisLine[] {
  if (!Array.isArray(given)) return [];
  const lines = given.filter(isRecord).map((line) => ({
    name: textOf(line["name"]),
    contact: textOf(line["contact"]),
    hours: textOf(line["hours"]),
  }));
  return lines.filter(({ name, contact }) => name !== "" && contact !== "").slice(0, LINES_MAX);
}

function isRecord(given: unknown): given is Record<string, unknown> {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

/** Texts of the operator are short; whatever is not one is left out. */
function textOf(given: unknown): string {
  return typeof given === "string" ? given.slice(0, 300) : "";
}
