// English. What every page needs at once.
import type { Message } from "../format";

export const words = {
  "lang.label": "Language",

  "exit.label": "Quick exit",

  "title.client": "Appointment",
  "title.desk": "Desk",

  "skip": "Skip to the content",

  "loading": "One moment…",

  "code": "Code for a helper: {code}",

  "dialog.close": "Close",

  "device.camera.denied": "We may not use your camera. You can go on without it, or allow it in your browser's settings for this page.",
  "device.camera.absent": "We found no camera. You can go on without it.",
  "device.camera.busy": "We could not reach your camera. Another program may be using it. You can go on without it.",
  "device.microphone.denied": "We may not use your microphone. You can still listen and write, or allow it in your browser's settings for this page.",
  "device.microphone.absent": "We found no microphone. You can still listen and write.",
  "device.microphone.busy": "We could not reach your microphone. Another program may be using it. You can still listen and write.",

  "notice.bad_link.title": "This link is not complete",
  "notice.bad_link.text": "Perhaps a part of it was cut off. Please open the whole link again, or ask your counsellor to send it once more.",
  "notice.no_link.title": "Please open your link again",
  "notice.no_link.text": "For your safety this page forgets the link when it is loaded anew. Open the message with your link and tap it once more.",
  "notice.unsupported.title": "This browser cannot keep it private",
  "notice.unsupported.text": "It lacks something that we need to seal picture and sound. Please use a newer Chrome, Edge, Firefox or Safari, or another device.",
  "notice.needs_setup.title": "Not set up yet",
  "notice.needs_setup.text": "This server has no account yet. Open the setup link that it printed when it started.",
  "notice.offline.title": "We cannot reach the server",
  "notice.offline.text": "Please check your connection and try again.",
  "notice.setup_done.title": "Already set up",
  "notice.setup_done.text": "This server has its first account. Please sign in.",
  "notice.failed.title": "We could not start safely",
  "notice.failed.text": "A part of this page did not work, so nothing was sent. Please load the page again or use another browser.",
} as const satisfies Record<string, Message>;
