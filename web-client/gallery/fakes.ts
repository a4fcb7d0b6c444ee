// Made-up calls, devices and rooms, so that every view and state can be drawn without a server.
import type { CallState, Other, Waiting } from "../src/protocol/participant";
import type { CallModel, MediaModel } from "../src/session/call_model";
import type { Reception } from "../src/session/call.svelte";
import type { SessionRecord } from "../src/desk/records";
import type { DoorstepLine } from "../src/room/doorstep";
import type { KeptReceipt } from "../src/room/receipt";
import type { DeskRoom } from "../src/session/desk.svelte";
import type { Talk } from "../src/views/call/talk.svelte";

const cameras = new Set<ReturnType<typeof setInterval>>();

/** Stops every picture that moves. */
export function stopCameras(): void {
  for (const camera of cameras) clearInterval(camera);
  cameras.clear();
}

/** A moving picture of a calm colour, as a camera would give. */
export function fakeCamera(hue: number): MediaStreamTrack | null {
  const canvas = document.createElement("canvas");
  canvas.width = 640;
  canvas.height = 360;
  const paint = canvas.getContext("2d");
  let step = 0;
  cameras.add(setInterval(() => {
    if (paint === null) return;
    step += 1;
    paint.fillStyle = `oklch(0.72 0.06 ${hue})`;
    paint.fillRect(0, 0, 640, 360);
    paint.fillStyle = `oklch(0.55 0.05 ${hue + 40})`;
    paint.beginPath();
    paint.ellipse(320, 330, 150, 120, 0, 0, 7);
    paint.fill();
    paint.fillStyle = "oklch(0.8 0.06 60)";
    paint.beginPath();
    paint.ellipse(320 + Math.sin(step / 9) * 4, 160, 70, 88, 0, 0, 7);
    paint.fill();
  }, 66));
  return canvas.captureStream(15).getVideoTracks()[0] ?? null;
}

/** A window that is shown to the others. */
export const fakeScreen = (): MediaStreamTrack | null => fakeCamera(300);

/** Devices to choose from. */
export const gear: Partial<MediaModel> = {
  devices: {
    microphones: [{ id: "1", name: "Built-in microphone" }, { id: "2", name: "سماعات Buds 3" }],
    cameras: [{ id: "1", name: "FaceTime HD" }],
    speakers: [{ id: "1", name: "Built-in speakers" }],
    microphone: "2",
    camera: "1",
    speaker: null,
  },
  blur: false,
};

/** Devices. */
export function fakeMedia(change: Partial<MediaModel> = {}): MediaModel {
  return {
    microphone: null,
    camera: fakeCamera(190),
    microphoneOn: true,
    cameraOn: true,
    asking: false,
    trouble: { microphone: null, camera: null },
    set: () => Promise.resolve(),
    askForBoth: () => Promise.resolve(),
    ...change,
  };
}

/** The other person. */
export function fakeOther(change: Partial<Other> = {}): Other {
  const tracks = [{ kind: "microphone", on: true }, { kind: "camera", on: true }] satisfies Other["tracks"];
  return { participant: "7", name: "سمر Samar", role: "attendee", leaf: 1, connected: true, tracks, ...change };
}

/** Somebody at the door. */
export function fakeWaiting(change: Partial<Waiting> = {}): Waiting {
  return { participant: "7", name: "سمر", invite_number: 0, other_device: false, waited_ms: 42_000, ...change };
}

/** A call. */
export function fakeCall(state: Partial<CallState> = {}, reception: Partial<Reception> = {}, change: Partial<CallModel> = {}): CallModel {
  const whole: CallState = {
    phase: { type: "in_call" },
    me: "3",
    role: "moderator",
    others: [fakeOther()],
    waiting: [],
    unheard: [],
    is_seen: false,
    alone_ms: null,
    counsellor: null,
    safety_code: ["48213", "90571", "22840", "16399"],
    n_members: 2,
    n_confirmed: 2,
    tracks: [],
    ...state,
  };
  const sample: Reception = { picture: fakeCamera(60), sound: null, still_ms: 0, locked_ms: 0, gone_ms: 0, alarmed: false, ...reception };
  const line = (id: number, own: boolean, text: string) => ({ id, own, name: "سمر Samar", text, shown_at: id, round_trip_ms: own ? 12 : null });
  return {
    state: whole,
    chat: [
      line(1, false, "Hello, can you hear me?"),
      line(2, true, "Yes, very well. Take your time."),
      line(3, false, "شكرًا جزيلًا. هل يمكن أن نتحدث بالعربية قليلًا؟ أحتاج إلى بعض الوقت."),
      line(4, true, "当然可以。https://example.org/a-very-long-address-that-does-not-want-to-wrap-anywhere-at-all"),
    ],
    receptions: new Map(whole.others.map((other) => [other.participant, sample])),
    sounds: [],
    line: "good",
    facts: { round_trip_ms: 40, lost: 0 },
    shape: () => undefined,
    refused: null,
    alarms: [],
    mediaUp: true,
    admittedAt: null,
    admit: () => undefined,
    decline: () => undefined,
    write: () => undefined,
    say: () => undefined,
    onSaid: () => () => undefined,
    doorstep: [],
    tellDoorstep: () => undefined,
    tellModerator: () => undefined,
    presetNote: () => undefined,
    receipts: [],
    codeChanged: false,
    codeSeen: () => undefined,
    agree: () => undefined,
    withdraw: () => undefined,
    leave: () => undefined,
    endForBoth: () => undefined,
    ...change,
  };
}

/** Talks that have already begun. */
export const talks = {
  differs: (talk) => (talk.differs = { own: false, others: ["7"] }),
  voice: (talk) => (talk.ladder = { ...talk.ladder, step: "audio" }),
  words: (talk) => (talk.ladder = { ...talk.ladder, step: "text" }),
  drafts: (talk) => (talk.drafts = new Map([["7", "أريد أن أقول إنني Ich bin noch"]])),
  shares: (talk) => (talk.standings = new Map([["7", { step: "full", sharing: true, away: false, without: [] }]])),
  without: (talk) => (talk.standings = new Map([["7", { step: "full", sharing: false, away: false, without: ["video", "audio", "chat"] }]])),
  asked: (talk) => (talk.place = { asked: true, waits: false, answers: [] }),
  answered: (talk) => (talk.place = { asked: false, waits: true, answers: [{ from: "7", name: "سمر", said: { type: "answer", text: "شارع الزيتون 12، عمّان, second floor" } }] }),
} satisfies Record<string, (talk: Talk) => void>;

/** A room of the desk; `starts_in` minutes from now. */
export function fakeRoom(title: string | null, change: Partial<DeskRoom["view"]> = {}, starts_in: number | null = null, details: Partial<DeskRoom["details"]> = {}): DeskRoom {
  const starts_at = starts_in === null ? null : Math.floor(Date.now() / 1000) + starts_in * 60;
  return {
    title,
    details: title === null ? null : { title, lang: "ar", note: "", series: null, ...details },
    view: {
      room: title ?? "elsewhere",
      sealed_title: "",
      created_at: 1_795_000_000,
      starts_at,
      minutes: starts_at === null ? null : 50,
      kind: "video",
      reusable: true,
      n_waiting: 0,
      live: false,
      invites: [{ invite: "i", number: 0, state: "unused", expires_at: 1_796_000_000 }],
      ...change,
    },
  };
}

/** A record of an appointment. */
export function fakeRecord(change: Partial<SessionRecord> = {}): SessionRecord {
  return { id: "a", room: "r", title: "Tuesday, first talk", stage: "intake", at: 1_795_000_000, minutes: 48, task: "Send the form.\nAsk about the school.", next_at: null, ...change };
}

/** What was agreed to and taken back. */
export const fakeReceipts: readonly KeptReceipt[] = (["agreed", "withdrawn"] as const).map((kind) => {
  const signed = { key: "Qm9nZW5zY2hpZWRzcmljaHRlcgQm9nZW5zY2hpZWRzcmlj", signature: "" };
  const items = [{ name: "video", agreed: false }, { name: "audio", agreed: true }, { name: "chat", agreed: true }];
  return { participant: "7", name: "سمر", json: kind, receipt: { statement: { kind, id: "a", at: 1_795_000_000, version: "1", language: "ar", items }, attendee: signed, counsellor: signed } };
});

/** Notes before admission. */
export const fakeDoorstep: readonly DoorstepLine[] = [
  { participant: "7", own: false, note: { kind: "check", camera: "denied", microphone: "ok", sound: true, line: "fair", reach: false } },
  { participant: "7", own: false, note: { kind: "text", text: "أنا في القطار، هل يمكن دون كاميرا؟" } },
  { participant: "7", own: true, note: { kind: "text", text: "Of course." } },
];
