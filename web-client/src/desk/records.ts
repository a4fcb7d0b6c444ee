// The short form after an appointment: what it says, and how it is written for other programs.
// Records are kept on this device alone, sealed (drawer.ts).
import type { Drawer } from "./drawer";

/** Where in the counselling an appointment was. */
export type Stage = "intake" | "assessment" | "plan" | "intervention" | "evaluation" | "closing";

/** In their order. */
export const STAGES: readonly Stage[] = ["intake", "assessment", "plan", "intervention", "evaluation", "closing"];

/** One filled form. */
export interface SessionRecord {
  id: string;
  room: string;
  title: string;
  stage: Stage | null;
  /** When it began, in seconds since 1970. */
  at: number;
  minutes: number;
  /** What is to be done until next time. */
  task: string;
  /** When they meet again, if that is known. */
  next_at: number | null;
}

/** Where records are in the drawer. */
export const RECORD_PREFIX = "record/";

/** Longest task, in characters. */
export const TASK_TEXT_MAX = 2000;

/** Keeps a record; one with the same id is replaced. */
export function keepRecord(drawer: Drawer, record: SessionRecord): Promise<void> {
  return drawer.write(RECORD_PREFIX + record.id, { ...record, v: 1 });
}

/** Every record that can be read, the newest first. */
export async function allRecords(drawer: Drawer): Promise<SessionRecord[]> {
  const places = await drawer.places(RECORD_PREFIX);
  const read = await Promise.all(places.map((place) => drawer.read(place)));
  return read.flatMap((value) => recordIn(value) ?? []).sort((a, b) => b.at - a.at);
}

/** Forgets one. */
export function wipeRecord(drawer: Drawer, id: string): Promise<void> {
  return drawer.remove(RECORD_PREFIX + id);
}

/** Records by what the appointments were called, each list as it was. */
export function byTitle(records: readonly SessionRecord[]): { title: string; records: SessionRecord[] }[] {
  const groups = new Map<string, SessionRecord[]>();
  for (const record of records) groups.set(record.title, [...(groups.get(record.title) ?? []), record]);
  return [...groups].map(([title, own]) => ({ title, records: own }));
}

/** Words for the columns and the stages, in the language of the desk. */
export interface RecordWords {
  title: string;
  stage: string;
  date: string;
  minutes: string;
  task: string;
  next: string;
  stages: Record<Stage, string>;
  when: (seconds: number) => string;
}

/** For people. */
export function recordsAsText(records: readonly SessionRecord[], words: RecordWords): string {
  return records
    .map((record) => cells(record, words).filter(([, value]) => value !== "").map(([name, value]) => `${name}: ${value}`).join("\r\n"))
    .join("\r\n\r\n")
    .concat("\r\n");
}

/** For tables (RFC 4180), with a mark in front so that spreadsheets read the letters rightly. */
export function recordsAsCsv(records: readonly SessionRecord[], words: RecordWords): string {
  const names = [words.title, words.stage, words.date, words.minutes, words.task, words.next];
  const rows = [names, ...records.map((record) => cells(record, words).map(([, value]) => value))];
  return `\ufeff${rows.map((row) => `${row.map(csvCell).join(",")}\r\n`).join("")}`;
}

/** A cell that no spreadsheet takes for a formula, also not after somebody saved it again. */
export function csvCell(text: string): string {
  // An apostrophe in front makes it text. A blank before the sign does not help: some trim it.
  const safe = /^\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

function cells({ title, stage, at, minutes, task, next_at }: SessionRecord, words: RecordWords): [string, string][] {
  return [
    [words.title, title],
    [words.stage, stage === null ? "" : words.stages[stage]],
    [words.date, words.when(at)],
    [words.minutes, String(minutes)],
    [words.task, task],
    [words.next, next_at === null ? "" : words.when(next_at)],
  ];
}

function recordIn(value: unknown): SessionRecord | null {
  if (typeof value !== "object" || value === null) return null;
  const { v, id, room, title, stage, at, minutes, task, next_at } = value as Record<string, unknown>;
  const isWhole = v === 1 && typeof id === "string" && typeof room === "string" && typeof title === "string" && typeof at === "number" && typeof minutes === "number" && typeof task === "string";
  if (!isWhole) return null;
  return { id, room, title, stage: STAGES.find((one) => one === stage) ?? null, at, minutes, task, next_at: typeof next_at === "number" ? next_at : null };
}
