// How somebody takes part, and what of the device test the counsellor may see while they wait.
import type { DeviceTrouble } from "../../room/words";
import type { DeviceCheck, DoorstepNote } from "../../room/doorstep";
import type { MediaModel } from "../../session/call_model";
import type { LineCheck } from "./line_check";
import { SLOW_MS } from "./line_check";
import type { Reach } from "./reach";

/** Three equal ways. */
export type WayToTakePart = "video" | "audio" | "text";

/** What the test found. */
export type Tested = DoorstepNote & { kind: "check" };

/** Sums the test up. */
export function testedOf(media: Pick<MediaModel, "camera" | "microphone" | "trouble">, sound: string, line: LineCheck, reach: Reach): Tested {
  return {
    kind: "check",
    camera: deviceOf(media.camera !== null, media.trouble.camera),
    microphone: deviceOf(media.microphone !== null, media.trouble.microphone),
    sound: sound === "heard" ? true : sound === "not heard" ? false : null,
    line: lineOf(line),
    reach: reach.type === "works" ? true : reach.type === "blocked" ? false : null,
  };
}

/** What was found, as far as it matters for the way the person chose. */
export function toldOf(tested: Tested, way: WayToTakePart): Tested {
  if (way === "video") return tested;
  return way === "audio" ? { ...tested, camera: "off" } : { ...tested, camera: "off", microphone: "off", reach: null };
}

function deviceOf(works: boolean, trouble: DeviceTrouble | null): DeviceCheck {
  return works ? "ok" : (trouble ?? "off");
}

function lineOf(line: LineCheck): Tested["line"] {
  switch (line.type) {
    case "checking":
      return null;
    case "works":
      return line.round_trip_ms > SLOW_MS ? "fair" : "good";
    case "no_socket":
    case "unreachable":
      return "weak";
  }
}
