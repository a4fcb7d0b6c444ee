// The vault: the one place that holds keys.  Owns the WebAssembly module, the counsellor's
// lasting keys, the fragment of the link, and every frame transform.
//
// It has no network of its own and writes no log.

import init, { inviteMaterials, linkRights, ModeratorDraft, openCard, Participant, sealCard, verifyReceipt, wasmUrl } from "aman-wasm";

import { encodeBase64url } from "./base64url";
import { codeOf, Opener, Sealer } from "./frames";
import { CounsellorKeys } from "./keys";
import { wipe } from "./key_bytes";
import { isWellFormedLink } from "./link";
import type { Answers, Counters, FrameCounters, FromVault, InviteMaterials, LinkRights, Question, ToVault, TransformOptions } from "./messages";
import { transformName } from "./messages";
import { NewDevice, OldDevice } from "./pairing";
import { INVITES_MAX } from "./numbers";
import { Seat } from "./seat";
import { Slots } from "./slots";

declare const self: DedicatedWorkerGlobalScope;

type EncodedFrame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;


/** A lost picture asks for a whole one at most this often. */
const KEY_FRAME_REQUEST_MS = 1000;

const now = (): number => performance.now();
const unixSeconds = (): number => Math.floor(Date.now() / 1000);
const post = (message: FromVault): void => {
  self.postMessage(message);
};

let loaded: Promise<unknown> | undefined;
let fragment: string | undefined;
let keys: CounsellorKeys | undefined;
let seat: Seat | undefined;
let pairingOld: OldDevice | undefined;
let pairingNew: { account: string; device: NewDevice } | undefined;
const slots = new Slots();
const openers = new Map<string, Opener<EncodedFrame>>();
const cameras = new Set<RTCRtpScriptTransformer>();
const counters = new Map<string, FrameCounters>();

// One message after the other: loading takes time, and order matters.
let queue: Promise<void> = Promise.resolve();
self.onmessage = (event: MessageEvent<ToVault>) => {
  queue = queue.then(() => take(event.data)).catch((thrown: unknown) => {
    post({ type: "failed", code: codeFrom(thrown) });
  });
};

async function take(message: ToVault): Promise<void> {
  switch (message.type) {
    case "link":
      fragment = message.fragment.replace(/^#/, "");
      post({ type: "link", well_formed: isWellFormedLink(fragment), tag: await linkTag(fragment) });
      load().catch(() => undefined);
      return;
    case "attend":
      await load();
      sit(Participant.attendee(fragment ?? "", message.name, message.device, now(), unixSeconds()));
      return;
    case "moderate":
      await load();
      await presideOver(message.room, message.name, message.numbers);
      return;
    case "input":
      if (message.input.type === "offered") slots.offered(message.input.slots);
      seat?.handle(message.input);
      for (const opener of openers.values()) opener.retry();
      return;
    case "close":
      seat?.close();
      seat = undefined;
      presiding = undefined;
      await forgetNote();
      return;
    case "ask":
      await answer(message.id, message.question);
      return;
  }
}

function load(): Promise<unknown> {
  loaded ??= init({ module_or_path: wasmUrl }).catch((thrown: unknown) => {
    loaded = undefined;
    throw thrown;
  });
  return loaded;
}

/** The room whose moderator sits here. */
let presiding: string | undefined;

/** The room whose note is kept, and the note. */
let noted: { room: string; note: string } | undefined;

/** The counsellor in a room.  After a reload her page knows whom she let in before it. */
async function presideOver(room: string, name: string, numbers: number[]): Promise<void> {
  const own = openKeys();
  const participant = await moderator(room, name, numbers);
  // Without the note she is asked once more: no reason to fail.
  participant.recall(await own.note(room).catch(() => new Uint8Array()));
  noted = { room, note: "" };
  presiding = room;
  sit(participant, () => {
    const note = participant.note();
    if (noted?.room !== room || noted.note === note.join()) return;
    noted.note = note.join();
    own.keepNote(room, note).catch(() => undefined);
  });
}

/** The sitting is over: the next one begins with nobody let in. */
async function forgetNote(): Promise<void> {
  const over = noted;
  noted = undefined;
  if (over !== undefined) await openKeys().keepNote(over.room, new Uint8Array()).catch(() => undefined);
}

function sit(participant: Participant, onSettled?: () => void): void {
  seat?.close();
  seat = new Seat(participant, now, (output) => {
    // Beside the page, the vault itself follows a few of the orders.
    if (output.type === "bind_slots") slots.bound(output.bindings);
    if (output.type === "show") slots.members(output.state.others);
    if (output.type === "show" && output.state.phase.type === "ended") void forgetNote();
    if (output.type === "force_key_frame" && output.kind === "camera") makeKeyFrames();
    post({ type: "output", output });
  }, onSettled);
}

async function moderator(room: string, name: string, numbers: number[]): Promise<Participant> {
  const own = openKeys();
  const revoked = await own.revoked(room);
  const secrets = new Uint8Array(INVITES_MAX * 32);
  for (let number = 0; number < INVITES_MAX; number += 1) {
    // A knock by an invite that does not count any more must not verify: chance in its place.
    const counts = numbers.includes(number) && !revoked.includes(number);
    const secret = counts ? await own.linkSecret(room, number) : crypto.getRandomValues(new Uint8Array(32));
    secrets.set(secret, number * 32);
    secret.fill(0);
  }
  const roomSecret = await own.roomSecret(room);
  const draft = new ModeratorDraft(room, name, roomSecret, own.identityPublic, secrets, now(), unixSeconds());
  secrets.fill(0);
  roomSecret.fill(0);
  const signature = await own.sign(new Uint8Array(draft.toSign()));
  return Participant.moderator(draft, signature, now());
}

async function answer(id: number, question: Question): Promise<void> {
  try {
    post({ type: "answer", id, value: await valueFor(question) });
  } catch (thrown) {
    post({ type: "refused", id, code: codeFrom(thrown) });
  }
}

async function valueFor(question: Question): Promise<Answers[keyof Answers]> {
  switch (question.type) {
    case "open_keys":
      keys = await CounsellorKeys.open(question.account);
      load().catch(() => undefined);
      return { created: keys.created };
    case "make_link":
      if ((await openKeys().revoked(question.room)).includes(question.number)) throw new Error("link_revoked");
      return makeLink(question.room, question.number);
    case "new_link":
      return newLink(question.room, question.taken, question.first);
    case "revoke_link":
      await openKeys().revoke(question.room, question.number);
      return null;
    case "seal_card":
      return sealCardOf(question.room, question.number, question.card);
    case "open_card":
      await load();
      return openCard(fragment ?? "", question.sealed) ?? null;
    case "link_rights":
      await load();
      return JSON.parse(linkRights(fragment ?? "")) as LinkRights;
    case "verify_receipt":
      await load();
      return verifyReceipt(question.receipt);
    case "seal_title":
      return openKeys().sealTitle(question.title);
    case "open_title":
      return openKeys().openTitle(question.sealed);
    case "counters":
      return Object.fromEntries(counters) satisfies Counters;
    case "pair_can":
      return openKeys().hasCopy();
    case "pair_never":
      await openKeys().forgetCopy();
      return null;
    case "pair_stop":
      pairingOld = undefined;
      pairingNew = undefined;
      return null;
    case "pair_begin":
    case "pair_heard":
    case "pair_seal":
    case "pair_read":
    case "pair_answered":
    case "pair_keep":
      return pair(question);
  }
}

/** The keys on their way to a second device, from either side. */
async function pair(question: Extract<Question, { type: `pair_${"begin" | "heard" | "seal" | "read" | "answered" | "keep"}` }>): Promise<Answers[keyof Answers]> {
  switch (question.type) {
    case "pair_begin":
      if (!(await openKeys().hasCopy())) throw new Error("pair_no_copy");
      pairingOld = await OldDevice.begin(openKeys().account);
      return { pairing: pairingOld.pairing, fragment: pairingOld.fragment };
    case "pair_heard":
      return underWay(pairingOld).heard(question.hello);
    case "pair_seal": {
      const device = underWay(pairingOld);
      pairingOld = undefined;
      return openKeys().lend((bytes, share) => device.seal(bytes, share));
    }
    case "pair_read": {
      if ((await CounsellorKeys.place(question.account)) === "used") throw new Error("pair_other_keys");
      pairingNew = { account: question.account, device: await NewDevice.begin(question.account, question.link) };
      return { pairing: pairingNew.device.pairing, hello: pairingNew.device.hello };
    }
    case "pair_answered":
      return { code: await underWay(pairingNew).device.answered(question.answer) };
    case "pair_keep": {
      const { account, device } = underWay(pairingNew);
      pairingNew = undefined;
      const { keys: brought, share } = await device.open(question.parcel);
      try {
        await CounsellorKeys.bring(account, brought, share);
      } finally {
        wipe(brought);
      }
      return null;
    }
  }
}

function underWay<T>(pairing: T | undefined): T {
  if (pairing === undefined) throw new Error("pair_wrong");
  return pairing;
}

/** A link that was never given to anybody. */
async function newLink(room: string, taken: number[], first: boolean): Promise<InviteMaterials & { number: number }> {
  const own = openKeys();
  // Rooms get their ids from the server.  Two with one id would have the same links.
  if (first && await own.hasLinks(room)) throw new Error("room_again");
  const number = await own.takeNumber(room, taken);
  const made = { ...await makeLink(room, number), number };
  if (presiding === room && seat !== undefined) {
    // Made during the sitting: who knocks by it is to be recognised at once.
    const link = await own.linkSecret(room, number);
    seat.participant.addInvite(number, link);
    link.fill(0);
  }
  return made;
}

async function makeLink(room: string, number: number): Promise<InviteMaterials> {
  await load();
  const own = openKeys();
  const [link, secret] = await Promise.all([own.linkSecret(room, number), own.roomSecret(room)]);
  try {
    return JSON.parse(inviteMaterials(room, link, secret, own.identityPublic)) as InviteMaterials;
  } finally {
    link.fill(0);
    secret.fill(0);
  }
}

async function sealCardOf(room: string, number: number, card: string): Promise<string> {
  await load();
  const link = await openKeys().linkSecret(room, number);
  try {
    return sealCard(link, card);
  } finally {
    link.fill(0);
  }
}

function openKeys(): CounsellorKeys {
  if (keys === undefined) throw new Error("no_keys");
  return keys;
}

/** Tells the links of one tab apart: eight bytes of a hash of 32 random ones say nothing else. */
async function linkTag(link: string): Promise<string> {
  const bytes = new TextEncoder().encode(`aman/link-tag/v1${link}`);
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).subarray(0, 8));
}

function codeFrom(thrown: unknown): string {
  return codeOf(thrown instanceof Error ? thrown.message : thrown);
}

function makeKeyFrames(): void {
  for (const transformer of cameras) {
    // Only Firefox and Safari have it; the page asks Chromium's encoder in its own way.
    const make = (transformer as Partial<RTCRtpScriptTransformer>).generateKeyFrame;
    make?.call(transformer).catch(() => undefined);
  }
}

self.onrtctransform = (event: RTCTransformEvent) => {
  const { transformer } = event;
  const options = transformer.options as TransformOptions;
  const take = options.direction === "seal" ? sealing(transformer, options) : opening(transformer, options);
  const pipe = new TransformStream<EncodedFrame, EncodedFrame>({ transform: take });
  transformer.readable.pipeThrough(pipe).pipeTo(transformer.writable as WritableStream<EncodedFrame>).catch(() => undefined).finally(() => cameras.delete(transformer));
};

type Take = (frame: EncodedFrame, exit: TransformStreamDefaultController<EncodedFrame>) => void;

const around = { cipher: () => seat?.participant, now };

function sealing(transformer: RTCRtpScriptTransformer, options: TransformOptions & { direction: "seal" }): Take {
  const sealer = new Sealer<EncodedFrame>(around, options.kind);
  counters.set(transformName(options), sealer.counters);
  if (options.kind === "camera") cameras.add(transformer);
  return (frame, exit) => {
    sealer.take(frame, exit);
  };
}

function opening(transformer: RTCRtpScriptTransformer, options: TransformOptions & { direction: "open" }): Take {
  let askedAt = -Infinity;
  const askForWholePicture = (): void => {
    if (now() - askedAt < KEY_FRAME_REQUEST_MS) return;
    askedAt = now();
    transformer.sendKeyFrameRequest().catch(() => undefined);
  };
  const leaf = (): number | undefined => slots.leafOn(options.slot);
  const opener = new Opener<EncodedFrame>(around, options.audio, leaf, askForWholePicture);
  openers.set(transformName(options), opener);
  counters.set(transformName(options), opener.counters);
  return (frame, exit) => {
    opener.take(frame, exit);
  };
}
