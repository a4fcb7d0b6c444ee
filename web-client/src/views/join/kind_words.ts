// The words on the way in that fit an appointment by voice or in writing.  Keys only.
import type { Key } from "../../i18n/en";
import type { WayToTakePart } from "./taking_part";

/** What the first page says, and what the device test calls things. */
export interface KindWords {
  step1: Key;
  step3: Key;
  next: Key;
  title: Key;
  asking: Key;
  ok: Key;
  heard: Key;
  choose: Key;
  /** In the help with permissions: what to allow. */
  allowed: Key;
}

const WORDS: Readonly<Record<WayToTakePart, KindWords>> = {
  video: {
    step1: "join.step1",
    step3: "join.step3",
    next: "join.next",
    title: "devices.check_title",
    asking: "devices.asking",
    ok: "devices.ok",
    heard: "devices.heard",
    choose: "devices.other",
    allowed: "help.allow_both",
  },
  audio: {
    step1: "join.step1_audio",
    step3: "join.step3",
    next: "join.next_audio",
    title: "devices.check_title_audio",
    asking: "devices.asking_audio",
    ok: "devices.ok_audio",
    heard: "devices.heard_audio",
    choose: "devices.other_audio",
    allowed: "help.allow_microphone",
  },
  // Nothing is asked for, so that most of these are never said.
  text: {
    step1: "join.step1_text",
    step3: "join.step3_text",
    next: "join.next_text",
    title: "devices.check_title_text",
    asking: "devices.asking_audio",
    ok: "devices.ok_audio",
    heard: "devices.heard_audio",
    choose: "devices.other_audio",
    allowed: "help.allow_microphone",
  },
};

/** The words for an appointment of this kind. */
export function kindWords(kind: WayToTakePart): KindWords {
  return WORDS[kind];
}
