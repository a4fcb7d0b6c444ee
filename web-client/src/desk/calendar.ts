// A calendar file (RFC 5545) with neutral words: an "appointment", and nobody's name.
// Times are in UTC, so that every calendar shows them in its own zone (section 3.3.5, form 2).

/** One entry. */
export interface CalendarEntry {
  /** Stays the same when the appointment is moved, so that a calendar moves it too. */
  uid: string;
  starts_at: number;
  minutes: number;
  title: string;
  /** May be empty. */
  text: string;
  /** Opened from the entry; `null` for none. */
  url: string | null;
}

/** The calendar reminds this long before. */
const ALARM_MINUTES = 15;

/** Longest line in bytes, without its end (section 3.1). */
const LINE_BYTES_MAX = 75;

/** The whole file. `now` in seconds. */
export function calendarFile(entries: readonly CalendarEntry[], now: number): string {
  const lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Aman//Appointment//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH", ...entries.flatMap((entry) => entryLines(entry, now)), "END:VCALENDAR"];
  return lines.map((line) => `${fold(line)}\r\n`).join("");
}

function entryLines(entry: CalendarEntry, now: number): string[] {
  const { uid, starts_at, minutes, title, text, url } = entry;
  return [
    "BEGIN:VEVENT",
    `UID:${escapeText(uid)}`,
    `DTSTAMP:${utc(now)}`,
    // Grows with every file made, which is all a calendar asks of it.
    `SEQUENCE:${Math.floor(now / 60)}`,
    `DTSTART:${utc(starts_at)}`,
    `DTEND:${utc(starts_at + minutes * 60)}`,
    `SUMMARY:${escapeText(title)}`,
    ...(text === "" ? [] : [`DESCRIPTION:${escapeText(text)}`]),
    ...(url === null ? [] : [`URL:${url}`]),
    "CLASS:PRIVATE",
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    `DESCRIPTION:${escapeText(title)}`,
    `TRIGGER:-PT${ALARM_MINUTES}M`,
    "END:VALARM",
    "END:VEVENT",
  ];
}

/** `20261121T150000Z`. */
function utc(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** Section 3.3.11.  Other control characters have no place in a text. */
export function escapeText(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f]/g, "")
    .replace(/[\\;,]/g, (mark) => `\\${mark}`)
    .replace(/\n/g, "\\n");
}

/** Breaks a line into pieces of at most 75 bytes, never inside a character. */
export function fold(line: string): string {
  const encoder = new TextEncoder();
  const pieces: string[] = [];
  let piece = "";
  let bytes = 0;
  for (const character of line) {
    const more = encoder.encode(character).length;
    // The blank that begins a continued line counts too.
    if (bytes + more > LINE_BYTES_MAX) {
      pieces.push(piece);
      piece = "";
      bytes = 1;
    }
    piece += character;
    bytes += more;
  }
  return [...pieces, piece].join("\r\n ");
}
