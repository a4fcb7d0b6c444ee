// Which words go with what a device test found.  Keys only: the words are in i18n.
import type { Key } from "../i18n/en";
import type { DeviceCheck, DoorstepNote } from "./doorstep";

const CAMERA: Record<DeviceCheck, Key> = { ok: "check.camera.ok", denied: "check.camera.denied", absent: "check.camera.absent", busy: "check.camera.busy", off: "check.camera.off" };
const MICROPHONE: Record<DeviceCheck, Key> = {
  ok: "check.microphone.ok",
  denied: "check.microphone.denied",
  absent: "check.microphone.absent",
  busy: "check.microphone.busy",
  off: "check.microphone.off",
};
const LINE = { good: "check.line.good", fair: "check.line.fair", weak: "check.line.weak" } as const;

/** The result in words; what was not tried is left out. */
export function checkWords({ camera, microphone, sound, line, reach }: DoorstepNote & { kind: "check" }): Key[] {
  return [
    ...(camera === null ? [] : [CAMERA[camera]]),
    ...(microphone === null ? [] : [MICROPHONE[microphone]]),
    ...(sound === null ? [] : [sound ? ("check.sound.heard" as const) : ("check.sound.not_heard" as const)]),
    ...(line === null ? [] : [LINE[line]]),
    ...(reach === null ? [] : [reach ? ("check.reach.works" as const) : ("check.reach.blocked" as const)]),
  ];
}
