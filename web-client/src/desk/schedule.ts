// When appointments are: days of the list, what the date fields say, and how long a link lives.
// Times are seconds since 1970 as the server has them; days are those of this device.

/** The times of one appointment. */
export interface Times {
  /** `null`: open until it is ended. */
  starts_at: number | null;
  minutes: number | null;
  created_at: number;
  /** Somebody is in it, or waits. */
  busy: boolean;
}

/** One heading of the list, and what is below it. */
export interface Group<T> {
  kind: "today" | "undated" | "day" | "past";
  /** Noon of the day, in milliseconds; `null` where there is no one day. */
  day: number | null;
  rooms: T[];
}

/** A link without a date lives for a week. */
const LINK_SECONDS = 7 * 24 * 60 * 60;

/** After the end of an appointment its links live on, so that nobody is late for nothing. */
const LINK_AFTER_SECONDS = 12 * 60 * 60;

/** Taken where no length was chosen. */
export const MINUTES_USUAL = 50;

/** Lengths to choose from. */
export const MINUTES_CHOICES: readonly number[] = [15, 30, 45, 50, 60, 75, 90, 120];

/** Today first, then what has no date, then the days to come, and at the end what is over. */
export function byDay<T>(rooms: readonly T[], timesOf: (room: T) => Times, now: Date): Group<T>[] {
  const today = noon(now);
  const groups = new Map<string, Group<T>>();
  for (const room of rooms) {
    const times = timesOf(room);
    const day = times.starts_at === null ? null : noon(new Date(times.starts_at * 1000));
    const kind = times.busy || day === today ? "today" : day === null ? "undated" : day < today ? "past" : "day";
    const name = kind === "day" ? `day ${day ?? 0}` : kind;
    const group = groups.get(name) ?? { kind, day: kind === "day" ? day : kind === "today" ? today : null, rooms: [] };
    group.rooms.push(room);
    groups.set(name, group);
  }
  const order = (group: Group<T>): number => (group.kind === "today" ? -2 : group.kind === "undated" ? -1 : group.kind === "past" ? Infinity : (group.day ?? 0));
  const start = (room: T): number => timesOf(room).starts_at ?? -1;
  for (const group of groups.values()) {
    group.rooms.sort((a, b) => {
      const earlier = start(a) - start(b) || timesOf(b).created_at - timesOf(a).created_at;
      return group.kind === "past" ? start(b) - start(a) : earlier;
    });
  }
  return [...groups.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** What a date field and a time field say; empty for no date. */
export function fieldsOf(seconds: number | null): { date: string; time: string } {
  if (seconds === null) return { date: "", time: "" };
  const at = new Date(seconds * 1000);
  const two = (n: number): string => String(n).padStart(2, "0");
  const date = `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return { date, time: `${two(at.getHours())}:${two(at.getMinutes())}` };
}

/** The moment that two fields name; `null` when they name none. */
export function momentOf(date: string, time: string): number | null {
  const day = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date);
  const hour = /^(\d{2}):(\d{2})/.exec(time);
  if (day === null || hour === null) return null;
  const [year = 0, month = 0, dayOfMonth = 0] = day.slice(1).map(Number);
  const [hours = 0, minutes = 0] = hour.slice(1).map(Number);
  const at = new Date(year, month - 1, dayOfMonth, hours, minutes);
  const isReal = at.getMonth() === month - 1 && at.getDate() === dayOfMonth && hours < 24 && minutes < 60;
  return isReal ? Math.floor(at.getTime() / 1000) : null;
}

/** The same time of the day every week, also where clocks change in between. */
export function weekly(starts_at: number, times: number): number[] {
  return Array.from({ length: times }, (_, week) => {
    const at = new Date(starts_at * 1000);
    at.setDate(at.getDate() + 7 * week);
    return Math.floor(at.getTime() / 1000);
  });
}

/** The next full or half hour. */
export function nextStart(now: Date): number {
  const half = 30 * 60;
  return Math.ceil(now.getTime() / 1000 / half) * half;
}

/** When a link made now dies. */
export function linkEnd(starts_at: number | null, minutes: number | null, now: Date): number {
  const seconds = Math.floor(now.getTime() / 1000);
  if (starts_at === null) return seconds + LINK_SECONDS;
  return Math.max(starts_at, seconds) + (minutes ?? MINUTES_USUAL) * 60 + LINK_AFTER_SECONDS - 60;
}

/** What the desk has to do with the server. */
export interface Polling {
  hidden: boolean;
  /** How often in a row it did not answer. */
  failures: number;
  /** Somebody waits, is in a room, or is expected within half an hour. */
  busy: boolean;
}

/** Milliseconds until the list is read again. */
export function pollDelay({ hidden, failures, busy }: Polling): number {
  const calm = hidden ? 60_000 : busy ? 5000 : 15_000;
  return failures === 0 ? calm : Math.min(60_000, Math.max(calm, 5000 * 2 ** failures));
}

/** Whether an appointment begins or runs within half an hour of now. */
export function isNear(starts_at: number | null, minutes: number | null, now: Date): boolean {
  if (starts_at === null) return false;
  const seconds = now.getTime() / 1000;
  return seconds > starts_at - 1800 && seconds < starts_at + (minutes ?? MINUTES_USUAL) * 60 + 1800;
}

function noon(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate(), 12).getTime();
}
