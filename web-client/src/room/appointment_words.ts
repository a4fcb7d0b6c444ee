// Which words go with an appointment.  Keys only: the words are in i18n.
import type { Stage } from "../desk/records";
import type { Key } from "../i18n/en";
import type { RoomKind } from "../protocol/wire";

/** How people talk. */
export function kindWord(kind: RoomKind): Key {
  switch (kind) {
    case "video":
      return "talk.video";
    case "audio":
      return "talk.audio";
    case "text":
      return "talk.text";
  }
}

/** Where in the counselling an appointment was. */
export function stageWord(stage: Stage): Key {
  switch (stage) {
    case "intake":
      return "stage.intake";
    case "assessment":
      return "stage.assessment";
    case "plan":
      return "stage.plan";
    case "intervention":
      return "stage.intervention";
    case "evaluation":
      return "stage.evaluation";
    case "closing":
      return "stage.closing";
  }
}
