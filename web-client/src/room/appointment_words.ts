// Which words go with an appointment.  Keys only: the words are in i18n.
import type { Key } from "../i18n/en";
import type { RoomKind } from "../protocol/wire";

/** How people talk. */
export function kindWord(kind: RoomKind): Key {
  switch (kind) {
    case "video":
      return "kind.video";
    case "audio":
      return "kind.audio";
    case "text":
      return "kind.text";
  }
}
