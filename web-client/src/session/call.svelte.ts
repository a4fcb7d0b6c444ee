// Ties one participant core in the vault to the page's WebSocket, peer connection and devices.
// It carries orders out and facts in.  What is allowed, and when, the core decides.

import type { LocalMedia } from "../media/local.svelte";
import type { AgreedItem, CallState, Output, Topic } from "../protocol/participant";
import type { Reject, Role, SlotBinding, TrackKind } from "../protocol/wire";
import type { Line, LineFacts } from "../room/line";
import { lineOf } from "../room/line";
import type { DoorstepLine, DoorstepNote } from "../room/doorstep";
import { readDoorstepNote, writeDoorstepNote } from "../room/doorstep";
import type { KeptReceipt } from "../room/receipt";
import { keepReceipt, readReceipt } from "../room/receipt";
import { type Watch, watch } from "../room/watchdog";
import type { Counters, FrameCounters } from "../vault/messages";
import { transformName } from "../vault/messages";
import type { CodecWork, PeerFigures } from "./peer";
import { Peer } from "./peer";
import { Socket } from "./socket";
import type { VaultLink } from "./vault_link";

/** A line of the chat. */
export interface ChatLine {
  id: number;
  own: boolean;
  name: string;
  text: string;
  /** Epoch milliseconds. */
  shown_at: number;
  /** From pressing send until the server took it; own lines only. */
  round_trip_ms: number | null;
}

/** What one other participant's tracks do on this page. */
export interface Reception {
  picture: MediaStreamTrack | null;
  sound: MediaStreamTrack | null;
  /** Milliseconds since a picture was last decoded. */
  still_ms: number;
  /** For how long frames have come of which none could be opened. */
  locked_ms: number;
  /** For how long they have not been connected. */
  gone_ms: number;
  alarmed: boolean;
}

/** What may be sent of what the person turned on: the ladder and the safety code decide (views/call). */
export interface Shape {
  microphone: boolean;
  camera: boolean;
  /** A smaller picture. */
  lowered: boolean;
}

/** Where the moderator's ticket comes from. */
export type FetchTicket = () => Promise<{ ticket: string } | { retry: boolean }>;

/** Longest chat kept on the page. */
const CHAT_LINES_MAX = 1000;

/** Most notes of the waiting room kept on the page. */
const DOORSTEP_LINES_MAX = 500;

const TICK_MS = 1000;

const EMPTY: Omit<CallState, "role"> = {
  phase: { type: "connecting" },
  me: null,
  others: [],
  waiting: [],
  unheard: [],
  is_seen: false,
  alone_ms: null,
  counsellor: null,
  safety_code: null,
  n_members: 0,
  n_confirmed: 0,
  tracks: [],
};

/** One participant's call. */
export class Call {
  state: CallState = $state.raw({ ...EMPTY, role: "attendee" });
  chat: ChatLine[] = $state.raw([]);
  receptions: ReadonlyMap<string, Reception> = $state.raw(new Map());
  /** What is heard. */
  sounds: readonly MediaStreamTrack[] = $state.raw([]);
  line: Line = $state("unknown");
  /** Figures of the last second, a new object each second. */
  facts: LineFacts = $state.raw({ round_trip_ms: null, lost: null });
  /** Notes before admission, oldest first. On the side of whoever waits, `participant` is the writer. */
  doorstep: DoorstepLine[] = $state.raw([]);
  /** Consent receipts with two good signatures, for both to keep. */
  receipts: KeptReceipt[] = $state.raw([]);
  /** The safety code is another one than before: it is to be compared again. */
  codeChanged = $state(false);
  /** What the person last asked for in vain. */
  refused: { reject: Reject; id: number } | null = $state.raw(null);
  /** The vault cannot go on. */
  failed: string | null = $state(null);
  /** Tracks the watchdog stopped. */
  alarms: string[] = $state.raw([]);
  mediaUp = $state(false);
  /** When the moderator last let somebody in, in epoch milliseconds. */
  admittedAt: number | null = $state(null);

  private readonly socket: Socket;
  private peer: Peer | undefined;
  private bindings: SlotBinding[] = [];
  private shaped: Shape = { microphone: true, camera: true, lowered: false };
  private readonly sentAt: number[] = [];
  private readonly ears = new Set<{ topic: Topic; hear: (participant: string, text: string) => void }>();
  private nextLine = 1;
  private lastCode: string | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private watched: Watch = new Map();
  private last: { works: Map<string, number>; counters: Counters } = { works: new Map(), counters: {} };

  /** Whether the person wants to read what others write; what comes while they do not is never shown. */
  readsChat = true;

  constructor(
    private readonly vault: VaultLink,
    readonly media: LocalMedia,
    private readonly fetchTicket: FetchTicket,
  ) {
    this.socket = new Socket({
      opened: () => { vault.input({ type: "opened" }); },
      received: (text) => { vault.input({ type: "received", text }); },
      closed: (code) => { vault.input({ type: "closed", code }); },
    });
    vault.onOutput = (output) => { this.carryOut(output); };
    vault.onFailed = (code) => { this.fail(code); };
    media.onChange = (kind) => { this.trackChanged(kind); };
  }

  /** Begins as the person the link was made for. */
  attend(name: string, device: Uint8Array<ArrayBuffer>): void {
    this.begin("attendee");
    this.vault.send({ type: "attend", name, device });
    this.start();
  }

  /** Begins as the counsellor. */
  moderate(room: string, name: string, numbers: number[]): void {
    this.begin("moderator");
    this.vault.send({ type: "moderate", room, name, numbers });
    this.start();
  }

  admit(participant: string): void {
    this.admittedAt = performance.timeOrigin + performance.now();
    this.vault.input({ type: "admit", participant });
  }

  decline(participant: string): void {
    this.vault.input({ type: "decline", participant });
  }

  /** Sends a line of chat. */
  write(text: string): void {
    this.sentAt.push(performance.now());
    this.vault.input({ type: "send_chat", text });
  }

  /**
   * Tells the others' devices something, sealed and never kept. `text` is JSON, 2 KiB at most.
   * Of `live`, `line` and `step` only the newest counts and older ones may be skipped; every
   * saying of the other topics arrives, in order. Each topic has its pace: `live` three a
   * second, the others one.
   */
  say(topic: Topic, text: string): void {
    this.vault.input({ type: "say", topic, text });
  }

  /**
   * Hears what others' devices say about `topic`, until the returned function is called.
   * `participant` is proven by the group; the text is theirs, to be checked before use.
   */
  onSaid(topic: Topic, hear: (participant: string, text: string) => void): () => void {
    const one = { topic, hear };
    this.ears.add(one);
    return () => this.ears.delete(one);
  }

  /** Lets less of the media through, or all of it again. */
  shape(shape: Shape): void {
    const before = this.shaped;
    this.shaped = shape;
    if (before.lowered !== shape.lowered) this.peer?.lowerPicture(shape.lowered).catch(() => undefined);
    for (const kind of ["microphone", "camera"] as const) if (before[kind] !== shape[kind]) this.trackChanged(kind);
  }

  /** A note to somebody who waits, sealed under their link. Shown in `doorstep` at once. */
  tellDoorstep(participant: string, note: DoorstepNote): void {
    this.vault.input({ type: "tell_doorstep", participant, text: writeDoorstepNote(note) });
  }

  /** A note to the counsellor, of somebody who waits. It arrives once she is there. */
  tellModerator(note: DoorstepNote): void {
    this.vault.input({ type: "tell_doorstep", participant: null, text: writeDoorstepNote(note) });
  }

  /** What everybody who knocks from here on is told first; `null` for nothing. */
  presetNote(note: DoorstepNote | null): void {
    this.vault.input({ type: "preset_note", text: note === null ? null : writeDoorstepNote(note) });
  }

  /**
   * The attendee agreed, at any time after `attend`. The receipt, signed by both devices,
   * comes to `receipts` on both sides once both are in the call. Names, version and language
   * have 48 bytes at most, items are twelve at most.
   */
  agree(version: string, language: string, items: AgreedItem[]): void {
    this.vault.input({ type: "agree", version, language, items });
  }

  /** The attendee takes back what they agreed to: a receipt of its own follows. */
  withdraw(): void {
    this.vault.input({ type: "withdraw" });
  }

  /** The person has seen that the code is a new one. */
  codeSeen(): void {
    this.codeChanged = false;
  }

  leave(): void {
    this.vault.input({ type: "leave" });
  }

  endForBoth(): void {
    this.vault.input({ type: "end_room" });
  }

  /** Something may have changed while the page slept. */
  wake(): void {
    this.vault.input({ type: "woke" });
  }

  /** Lets go of everything. */
  close(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.closePeer();
    this.socket.drop();
    this.media.stop();
    this.vault.send({ type: "close" });
  }

  private begin(role: Role): void {
    this.state = { ...EMPTY, role };
    this.chat = [];
    this.doorstep = [];
    this.receipts = [];
    this.codeChanged = false;
    this.lastCode = null;
    this.failed = null;
    this.refused = null;
    this.admittedAt = null;
    this.alarms = [];
    this.watched = new Map();
  }

  private start(): void {
    for (const kind of ["microphone", "camera"] as const) this.tellTrack(kind);
    this.vault.input({ type: "start" });
    clearInterval(this.timer);
    this.timer = setInterval(() => { this.tick().catch(() => undefined); }, TICK_MS);
  }

  private carryOut(output: Output): void {
    switch (output.type) {
      case "fetch_ticket":
        this.bringTicket().catch(() => { this.vault.input({ type: "no_ticket", retry: true }); });
        return;
      case "connect":
        this.socket.connect();
        return;
      case "send":
        this.socket.send(output.text);
        return;
      case "disconnect":
        this.socket.close();
        return;
      case "make_offer":
        this.makeOffer().catch(() => { this.vault.input({ type: "media_failed" }); });
        return;
      case "take_answer":
        this.peer?.answer(output.sdp).catch(() => { this.vault.input({ type: "media_failed" }); });
        return;
      case "close_media":
        this.closePeer();
        return;
      case "bind_slots":
        this.bindings = output.bindings;
        this.arrange();
        return;
      case "force_key_frame":
        this.peer?.forceKeyFrame(output.kind).catch(() => undefined);
        return;
      case "chat":
        this.hear(output);
        return;
      case "said":
        for (const { topic, hear } of [...this.ears]) if (topic === output.topic) hear(output.from, output.text);
        return;
      case "doorstep_note": {
        const note = readDoorstepNote(output.text);
        if (note !== null) this.doorstep = [...this.doorstep, { participant: output.participant, own: output.own, note }].slice(-DOORSTEP_LINES_MAX);
        return;
      }
      case "receipt":
        this.keepReceipt(output.participant, output.receipt);
        return;
      case "refused":
        this.refused = { reject: output.reject, id: (this.refused?.id ?? 0) + 1 };
        return;
      case "show":
        this.show(output.state);
        return;
    }
  }

  private show(state: CallState): void {
    const [before, after] = [this.lastCode, state.safety_code?.join(" ") ?? null];
    if (before !== null && after !== null && before !== after) this.codeChanged = true;
    this.lastCode = after ?? before;
    this.state = state;
    this.attachTracks();
    this.arrange();
    if (state.phase.type === "ended") {
      clearInterval(this.timer);
      this.closePeer();
      this.media.stop();
    }
  }

  private async bringTicket(): Promise<void> {
    const answer = await this.fetchTicket();
    if ("ticket" in answer) this.vault.input({ type: "ticket", ticket: answer.ticket });
    else this.vault.input({ type: "no_ticket", retry: answer.retry });
  }

  private async makeOffer(): Promise<void> {
    this.closePeer();
    const peer: Peer = new Peer(this.vault.worker, {
      connected: () => {
        if (this.peer !== peer) return;
        this.mediaUp = true;
        this.vault.input({ type: "media_connected" });
      },
      failed: () => {
        if (this.peer !== peer) return;
        this.mediaUp = false;
        this.vault.input({ type: "media_failed" });
      },
    });
    this.peer = peer;
    this.sounds = peer.sounds().filter((track) => !this.isAlarmed(peer, track));
    this.attachTracks();
    const offer = await peer.offer();
    if (this.shaped.lowered) await peer.lowerPicture(true).catch(() => undefined);
    if (this.peer === peer) this.vault.input({ type: "offered", ...offer });
  }

  private isAlarmed(peer: Peer, track: MediaStreamTrack): boolean {
    const slot = peer.slotOf(track);
    return this.alarms.includes(transformName({ direction: "open", audio: true, slot }));
  }

  private closePeer(): void {
    this.peer?.close();
    this.peer = undefined;
    this.bindings = [];
    this.sounds = [];
    this.mediaUp = false;
    this.last = { works: new Map(), counters: {} };
    this.arrange();
  }

  private trackChanged(kind: TrackKind): void {
    this.attachTracks();
    this.tellTrack(kind);
  }

  private tellTrack(kind: TrackKind): void {
    this.vault.input({ type: "set_track", kind, on: this.media.isOn(kind) && this.shaped[kind] && !this.alarms.includes(kind) });
  }

  /** Tracks are sent while somebody is there to see them, and never past an alarm. */
  private attachTracks(): void {
    const peer = this.peer;
    if (peer === undefined) return;
    const someone = this.state.others.length > 0;
    for (const kind of ["microphone", "camera"] as const) {
      const track = someone && this.shaped[kind] && !this.alarms.includes(kind) ? this.media.outgoing(kind) : null;
      peer.send(kind, track).catch(() => { this.fail("no_transform"); });
    }
  }

  /** Puts the slots' tracks to the participants they belong to. */
  private arrange(): void {
    const next = new Map<string, Reception>();
    for (const { participant } of this.state.others) {
      const before = this.receptions.get(participant);
      const binding = this.bindings.find(({ publisher, kind }) => publisher === participant && kind === "camera");
      const picture = binding === undefined ? undefined : this.peer?.trackOn(binding.mid);
      const heard = this.bindings.find(({ publisher, kind }) => publisher === participant && kind === "microphone");
      const sound = heard === undefined ? undefined : this.peer?.trackOn(heard.mid);
      next.set(participant, {
        still_ms: 0,
        locked_ms: 0,
        gone_ms: 0,
        alarmed: false,
        ...before,
        picture: picture ?? null,
        sound: sound ?? null,
      });
    }
    this.receptions = next;
  }

  private keepReceipt(participant: string | null, json: string): void {
    const receipt = readReceipt(json);
    const name = this.state.others.find((other) => other.participant === participant)?.name ?? "";
    if (receipt !== null) this.receipts = keepReceipt(this.receipts, { participant, name, json, receipt });
  }

  private hear(chat: { own: boolean; name: string; text: string }): void {
    if (!chat.own && !this.readsChat) return;
    const sent = chat.own ? this.sentAt.shift() : undefined;
    const line: ChatLine = {
      id: this.nextLine,
      own: chat.own,
      name: chat.name,
      text: chat.text,
      shown_at: performance.timeOrigin + performance.now(),
      round_trip_ms: sent === undefined ? null : performance.now() - sent,
    };
    this.nextLine += 1;
    this.chat = [...this.chat, line].slice(-CHAT_LINES_MAX);
  }

  private fail(code: string): void {
    this.failed = code;
    clearInterval(this.timer);
    this.closePeer();
    this.socket.drop();
    this.media.stop();
  }

  /** Once a second: figures, watchdog, and how long each picture has stood still. */
  private async tick(): Promise<void> {
    const peer = this.peer;
    if (peer === undefined) {
      this.age({ works: [], round_trip_ms: null, lost: null, lost_down: null }, {});
      return;
    }
    const earlier = await this.vault.ask({ type: "counters" });
    const figures = await peer.figures();
    const counters = await this.vault.ask({ type: "counters" });
    if (this.peer !== peer) return;
    this.facts = { round_trip_ms: figures.round_trip_ms, lost: worse(figures.lost, figures.lost_down) };
    this.line = lineOf(this.facts);
    await this.guard(peer, figures.works, earlier, counters);
    this.age(figures, counters);
    showCounters(counters);
  }

  private async guard(peer: Peer, works: CodecWork[], earlier: Counters, counters: Counters): Promise<void> {
    const facts = works.map(({ options, done, sent }) => {
      const name = transformName(options);
      // What the sealer refused was seen by it; what the opener refused must not be drawn.
      const did = ({ passed, dropped }: Pick<FrameCounters, "passed" | "dropped">): number => (options.direction === "seal" ? passed + dropped : passed);
      const vault = (read: Counters): number => did(read[name] ?? { passed: 0, dropped: 0 });
      return { name, direction: options.direction, codec: done, ...(sent === undefined ? {} : { sent }), vault: vault(counters), earlier: vault(earlier) };
    });
    const { watch: watched, alarms } = watch(this.watched, facts);
    this.watched = watched;
    const raised = works.filter(({ options }) => alarms.includes(transformName(options)));
    if (raised.length === 0) return;
    const news = raised.filter(({ options }) => !this.alarms.includes(transformName(options)));
    if (news.length > 0) this.alarms = alarms;
    // Those of a former peer connection too: an alarm stays.
    for (const { options } of raised) await peer.detach(options);
    for (const { options } of news) if (options.direction === "seal") this.trackChanged(options.kind);
  }

  private age(figures: PeerFigures, counters: Counters): void {
    const next = new Map<string, Reception>();
    for (const [participant, before] of this.receptions) {
      const other = this.state.others.find((one) => one.participant === participant);
      const slots = this.bindings.filter((binding) => binding.publisher === participant);
      const names = slots.map((binding) => `slot-${this.peer?.slotNumber(binding.mid) ?? -1}`);
      const picture = slots.findIndex((binding) => binding.kind === "camera");
      const pictureName = names[picture] ?? "";
      const moved = this.grew(figures, pictureName);
      const { passed = 0, dropped = 0 } = counters[pictureName] ?? {};
      const { passed: passedBefore = 0, dropped: droppedBefore = 0 } = this.last.counters[pictureName] ?? {};
      const locked = dropped > droppedBefore && passed === passedBefore;
      next.set(participant, {
        ...before,
        still_ms: moved ? 0 : before.still_ms + TICK_MS,
        locked_ms: locked ? before.locked_ms + TICK_MS : 0,
        gone_ms: other?.connected === false ? before.gone_ms + TICK_MS : 0,
        alarmed: names.some((name) => this.alarms.includes(name)),
      });
    }
    this.last = { works: new Map(figures.works.map(({ options, done }) => [transformName(options), done])), counters };
    this.receptions = next;
  }

  private grew(figures: PeerFigures, name: string): boolean {
    const done = figures.works.find(({ options }) => transformName(options) === name)?.done ?? 0;
    return done > (this.last.works.get(name) ?? 0);
  }
}

function worse(one: number | null, other: number | null): number | null {
  return one === null ? other : other === null ? one : Math.max(one, other);
}

/** Counts without content, for tests and for a helper on the telephone. */
function showCounters(counters: Counters): void {
  const sum = { sealed: 0, opened: 0, dropped: 0 };
  for (const [name, { passed, dropped }] of Object.entries(counters)) {
    if (name.startsWith("slot-")) sum.opened += passed;
    else sum.sealed += passed;
    sum.dropped += dropped;
  }
  const { dataset } = document.documentElement;
  dataset["sealed"] = String(sum.sealed);
  dataset["opened"] = String(sum.opened);
  dataset["dropped"] = String(sum.dropped);
}
