// The counsellor's note pad of one room: kept sealed on this device, seen by nobody else.
import type { Drawer } from "./drawer";

/** What the call view needs to show a pad. */
export interface NotePad {
  read(): Promise<string>;
  write(text: string): Promise<void>;
  wipe(): Promise<void>;
}

/** Longest note, in characters. */
export const NOTE_TEXT_MAX = 20_000;

/** Where the notes are in the drawer. */
export const NOTE_PREFIX = "note/";

/** The pad of a room. */
export function notePad(drawer: Drawer, room: string): NotePad {
  const place = NOTE_PREFIX + room;
  return {
    read: async () => {
      const kept = await drawer.read(place);
      return typeof kept === "string" ? kept : "";
    },
    write: (text) => (text === "" ? drawer.remove(place) : drawer.write(place, text.slice(0, NOTE_TEXT_MAX))),
    wipe: () => drawer.remove(place),
  };
}
