// Notes between the counsellor and somebody who waits.  They come as JSON from another
// device, so nothing in them is believed before it was looked at.

/** How a device did in the test before the waiting room. */
export type DeviceCheck = "ok" | "denied" | "absent" | "busy" | "off";

/** One note. */
export type DoorstepNote =
  | { kind: "text"; text: string }
  /** `null`: not tried. */
  | { kind: "check"; camera: DeviceCheck | null; microphone: DeviceCheck | null; sound: boolean | null; line: "good" | "fair" | "weak" | null; reach: boolean | null }
  /** "Please wait a little." */
  | { kind: "wait" }
  /** "Not today", with words. */
  | { kind: "not_today"; text: string };

/** A note, and whose it is. */
export interface DoorstepLine {
  /** The person who waits. */
  participant: string;
  /** Written on this device. */
  own: boolean;
  note: DoorstepNote;
}

/** Longest text of a note, in characters. */
export const DOORSTEP_TEXT_MAX = 500;

const DEVICES: readonly DeviceCheck[] = ["ok", "denied", "absent", "busy", "off"];
const LINES = ["good", "fair", "weak"] as const;

/** The note as text, to be sealed. */
export function writeDoorstepNote(note: DoorstepNote): string {
  return JSON.stringify("text" in note ? { ...note, text: short(note.text) } : note);
}

/** Reads a note; `null` when it is none of ours. */
export function readDoorstepNote(text: string): DoorstepNote | null {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof read !== "object" || read === null) return null;
  const found = read as Record<string, unknown>;
  const said = typeof found["text"] === "string" ? short(found["text"]) : "";
  switch (found["kind"]) {
    case "text":
      return said.trim() === "" ? null : { kind: "text", text: said };
    case "wait":
      return { kind: "wait" };
    case "not_today":
      return { kind: "not_today", text: said };
    case "check":
      return {
        kind: "check",
        camera: DEVICES.find((one) => one === found["camera"]) ?? null,
        microphone: DEVICES.find((one) => one === found["microphone"]) ?? null,
        sound: typeof found["sound"] === "boolean" ? found["sound"] : null,
        line: LINES.find((one) => one === found["line"]) ?? null,
        // Not in the notes of older pages.
        reach: typeof found["reach"] === "boolean" ? found["reach"] : null,
      };
    default:
      return null;
  }
}

/** The last check that somebody sent. */
export function lastCheck(lines: readonly DoorstepLine[], participant: string): (DoorstepNote & { kind: "check" }) | null {
  for (const { participant: whose, own, note } of lines.toReversed()) {
    if (whose === participant && !own && note.kind === "check") return note;
  }
  return null;
}

function short(text: string): string {
  return Array.from(text).slice(0, DOORSTEP_TEXT_MAX).join("");
}
