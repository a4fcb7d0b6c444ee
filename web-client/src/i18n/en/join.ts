// English. The way in: link, devices, waiting room.
import type { Message } from "../format";

export const words = {
  "join.title": "A private conversation",
  "join.step1": "You say what we may call you and check your camera and microphone.",
  "join.step2": "You wait a moment. Your counsellor lets you in.",
  "join.step3": "You talk. You can leave at any time.",
  "join.name": "What may we call you?",
  "join.name_hint": "A first name, or any name you like. Only the people in the room see it.",
  "join.name_missing": "Please write a name. It does not have to be your real one.",
  "join.privacy": "Nobody but the people in this room can see, hear or read what is said here. Your browser's history still shows that you opened this page.",
  "join.next": "Next, your browser asks for your camera and microphone. You may say no.",
  "join.continue": "Continue",

  "devices.title": "Check your picture and sound",
  "devices.asking": "Your browser is asking whether we may use your camera and microphone. Please choose “Allow”, or go on without them.",
  "devices.preview": "Your picture, as in a mirror",
  "devices.level": "How loud you are",
  "devices.ok": "Your camera and microphone work.",
  "devices.camera_off": "Camera off",
  "devices.not_seen_yet": "Nobody sees or hears you yet.",
  "devices.knock": "Ask to come in",
  "devices.no_camera": "Continue without camera",
  "devices.retry": "Try again",
  "devices.back": "Back",

  "waiting.title": "Please wait a moment",
  "waiting.text": "Your counsellor can see that you are here and will let you in. Nobody sees or hears you yet.",
  "waiting.connecting": "Connecting…",
  "waiting.joining": "You are being let in. The line is being secured…",
  "waiting.joining_title": "Come in",
  "waiting.reconnecting": "The connection broke. We keep trying by ourselves.",
  "waiting.return": "You can leave this page and come back later with the same link.",
  "waiting.leave": "Leave",
} as const satisfies Record<string, Message>;
