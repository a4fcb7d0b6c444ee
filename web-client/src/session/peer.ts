// One peer connection: sendonly tracks, recvonly slots, a transform on each before any media
// can flow.  Nothing is renegotiated; a new offer is a new peer connection.
//
// The order matters (RECIPES.md B.4, E2EE.md 1.9):
// - a sender gets its transform while it has no track;
// - a receiver gets its transform right after its transceiver was made, before the answer;
// - only sendonly and recvonly, because one browser skips transforms on sendrecv.

import type { OfferedSlot, OfferedTrack, TrackKind } from "../protocol/wire";
import type { TransformOptions } from "../vault/messages";
import { safeAnswer, withoutAudioLevel } from "./sdp";

/** Slots of each sort.  One is enough for two people; the second is there for a device that comes back. */
const SLOTS_EACH = 2;

/** One layer until the media issue: enough for a face at 360 lines. */
const CAMERA_BITS_PER_SECOND = 900_000;
const MICROPHONE_BITS_PER_SECOND = 32_000;

/** What is left of the picture when the line is weak: a quarter of the points, half as often. */
const LOWERED = { maxBitrate: 150_000, scaleResolutionDownBy: 2, maxFramerate: 15 };

/** What the other side reported longer ago says nothing about this second. */
const REPORT_MS_MAX = 2500;

/** Half a second of Opus.  A few samples that nobody sent are the drift of a clock; this is sound. */
const HALF_SECOND_SAMPLES = 24_000;

/** What became of the peer connection. */
export interface PeerEvents {
  connected: () => void;
  failed: () => void;
}

/** What one codec did so far, for the watchdog and the tiles. */
export interface CodecWork {
  options: TransformOptions;
  /** Video frames, audio packets sent, or half-seconds of audio played that were not made up. */
  done: number;
  /** Packets that left the device; of senders only. */
  sent?: number;
}

/** Figures of one second. */
export interface PeerFigures {
  works: CodecWork[];
  round_trip_ms: number | null;
  /** Share of packets lost on the way up. */
  lost: number | null;
  /** Share of packets lost on the way down since the figures were last read. */
  lost_down: number | null;
}

/** A sender that can be asked for a whole picture (webrtc-extensions, "encodingOptions"). */
interface KeyFrameEncoder {
  getParameters(): RTCRtpSendParameters;
  setParameters(parameters: RTCRtpSendParameters, options: { encodingOptions: { keyFrame: boolean }[] }): Promise<void>;
}

/** A peer connection. */
export class Peer {
  private readonly connection: RTCPeerConnection;
  private readonly senders = new Map<TrackKind, RTCRtpTransceiver>();
  private readonly slots: { audio: boolean; transceiver: RTCRtpTransceiver }[] = [];
  private closed = false;
  private arrived = { packets: 0, lost: 0 };

  constructor(
    private readonly vault: Worker,
    private readonly events: PeerEvents,
  ) {
    this.connection = new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require", iceServers: [] });
    this.connection.onconnectionstatechange = () => {
      this.report();
    };
    this.addSender("microphone", MICROPHONE_BITS_PER_SECOND);
    this.addSender("camera", CAMERA_BITS_PER_SECOND);
    for (let i = 0; i < SLOTS_EACH; i += 1) {
      this.addSlot(true);
      this.addSlot(false);
    }
  }

  /** Makes the one offer. */
  async offer(): Promise<{ sdp: string; tracks: OfferedTrack[]; slots: OfferedSlot[] }> {
    await this.connection.setLocalDescription(await this.connection.createOffer());
    // The server is ICE-lite and has the public address: our candidates would only tell it
    // more about this device, so the offer goes out without waiting for them.
    const sdp = withoutAudioLevel(this.connection.localDescription?.sdp ?? "");
    const tracks = [...this.senders].map(([kind, { mid }]) => ({ mid: mid ?? "", kind }));
    const slots = this.slots.map(({ audio, transceiver }) => ({ mid: transceiver.mid ?? "", audio }));
    return { sdp, tracks, slots };
  }

  /** Takes the answer to it. */
  async answer(sdp: string): Promise<void> {
    await this.connection.setRemoteDescription({ type: "answer", sdp: safeAnswer(sdp) });
  }

  /** Puts a track on its sender, or takes it off. */
  async send(kind: TrackKind, track: MediaStreamTrack | null): Promise<void> {
    const sender = this.senders.get(kind)?.sender;
    if (sender === undefined || this.closed) return;
    // Never a track on a sender without a transform.
    if (sender.transform === null) throw new Error("no transform");
    if (sender.track !== track) await sender.replaceTrack(track);
  }

  /** Sends a smaller picture, or the whole one again. */
  async lowerPicture(low: boolean): Promise<void> {
    const sender = this.senders.get("camera")?.sender;
    const parameters = sender?.getParameters();
    const [encoding] = parameters?.encodings ?? [];
    if (sender === undefined || parameters === undefined || encoding === undefined || this.closed) return;
    encoding.maxBitrate = low ? LOWERED.maxBitrate : CAMERA_BITS_PER_SECOND;
    encoding.scaleResolutionDownBy = low ? LOWERED.scaleResolutionDownBy : 1;
    if (low) encoding.maxFramerate = LOWERED.maxFramerate;
    else delete encoding.maxFramerate;
    await sender.setParameters(parameters);
  }

  /** What arrives on the slot with this mid. */
  trackOn(mid: string): MediaStreamTrack | undefined {
    return this.slots.find(({ transceiver }) => transceiver.mid === mid)?.transceiver.receiver.track;
  }

  /** What arrives on the slots for sound.  They are played all the time: a decoder that is not
   * listened to would keep old sound for later.  Nothing is heard that no member sealed. */
  sounds(): MediaStreamTrack[] {
    return this.slots.filter(({ audio }) => audio).map(({ transceiver }) => transceiver.receiver.track);
  }

  /** Number of the slot with this mid. */
  slotNumber(mid: string): number {
    return this.slots.findIndex(({ transceiver }) => transceiver.mid === mid);
  }

  /** Number of the slot this track arrives on. */
  slotOf(track: MediaStreamTrack): number {
    return this.slots.findIndex(({ transceiver }) => transceiver.receiver.track === track);
  }

  /** Asks the encoder for a whole picture, where the page can (Chromium). */
  async forceKeyFrame(kind: TrackKind): Promise<void> {
    const sender = this.senders.get(kind)?.sender;
    if (kind === "microphone" || sender === undefined || this.closed) return;
    const encoder: KeyFrameEncoder = sender;
    const parameters = encoder.getParameters();
    await encoder.setParameters(parameters, { encodingOptions: parameters.encodings.map(() => ({ keyFrame: true })) });
  }

  /** Stops one codec for good: its track goes, and what it plays goes. */
  async detach(options: TransformOptions): Promise<void> {
    if (options.direction === "seal") await this.senders.get(options.kind)?.sender.replaceTrack(null);
    else this.slots[options.slot]?.transceiver.receiver.track.stop();
  }

  /** Reads the figures. */
  async figures(): Promise<PeerFigures> {
    const figures: PeerFigures = { works: [], round_trip_ms: null, lost: null, lost_down: null };
    const arrived = { packets: 0, lost: 0 };
    for (const [kind, { sender }] of this.senders) {
      const work: CodecWork = { options: { direction: "seal", kind }, done: 0 };
      const all = await readings(sender);
      const now = Math.max(0, ...all.map(({ timestamp = 0 }) => timestamp));
      for (const stats of all) readSender(stats, work, figures, now);
      figures.works.push(work);
    }
    for (const [slot, { audio, transceiver }] of this.slots.entries()) {
      const work: CodecWork = { options: { direction: "open", audio, slot }, done: 0 };
      for (const stats of await readings(transceiver.receiver)) readReceiver(stats, work, audio, arrived);
      figures.works.push(work);
    }
    figures.lost_down = lostOf(arrived.packets - this.arrived.packets, arrived.lost - this.arrived.lost);
    this.arrived = arrived;
    return figures;
  }

  /** Closes without a word. */
  close(): void {
    this.closed = true;
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  private addSender(kind: TrackKind, maxBitrate: number): void {
    const media = kind === "microphone" ? "audio" : "video";
    const transceiver = this.connection.addTransceiver(media, { direction: "sendonly", sendEncodings: [{ maxBitrate }] });
    transceiver.sender.transform = this.transform({ direction: "seal", kind });
    preferOurCodecs(transceiver, media);
    this.senders.set(kind, transceiver);
  }

  private addSlot(audio: boolean): void {
    const media = audio ? "audio" : "video";
    const transceiver = this.connection.addTransceiver(media, { direction: "recvonly" });
    transceiver.receiver.transform = this.transform({ direction: "open", audio, slot: this.slots.length });
    preferOurCodecs(transceiver, media);
    this.slots.push({ audio, transceiver });
  }

  private transform(options: TransformOptions): RTCRtpScriptTransform {
    return new RTCRtpScriptTransform(this.vault, options);
  }

  private report(): void {
    if (this.closed) return;
    if (this.connection.connectionState === "connected") this.events.connected();
    if (this.connection.connectionState === "failed") this.events.failed();
  }
}

/** VP8 with its retransmissions, and Opus; nothing else (E2EE.md 1.8). */
function preferOurCodecs(transceiver: RTCRtpTransceiver, media: "audio" | "video"): void {
  const ours = media === "audio" ? /^audio\/opus$/i : /^video\/(vp8|rtx)$/i;
  const codecs = RTCRtpReceiver.getCapabilities(media)?.codecs ?? [];
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => ours.test(mimeType)));
}

/** Share of packets lost; `null` when too few came to say. */
function lostOf(packets: number, lost: number): number | null {
  return packets + lost < 10 ? null : Math.min(1, Math.max(0, lost) / (packets + Math.max(0, lost)));
}

interface Readings {
  type: string;
  timestamp?: number;
  nominated?: boolean;
  currentRoundTripTime?: number;
  packetsReceived?: number;
  packetsLost?: number;
  framesEncoded?: number;
  packetsSent?: number;
  framesDecoded?: number;
  totalSamplesReceived?: number;
  concealedSamples?: number;
  roundTripTime?: number;
  fractionLost?: number;
}

async function readings(part: RTCRtpSender | RTCRtpReceiver): Promise<Readings[]> {
  const all: Readings[] = [];
  (await part.getStats()).forEach((stats: Readings) => all.push(stats));
  return all;
}

function readSender(stats: Readings, work: CodecWork, figures: PeerFigures, now: number): void {
  if (stats.type === "outbound-rtp") {
    work.done += stats.framesEncoded ?? stats.packetsSent ?? 0;
    work.sent = (work.sent ?? 0) + (stats.packetsSent ?? 0);
  }
  // Of a line on which nothing is sent, the checks of the connection still tell how long it is.
  if (stats.type === "candidate-pair" && stats.nominated === true && stats.currentRoundTripTime !== undefined) {
    figures.round_trip_ms = Math.max(figures.round_trip_ms ?? 0, stats.currentRoundTripTime * 1000);
  }
  if (stats.type === "remote-inbound-rtp" && now - (stats.timestamp ?? now) < REPORT_MS_MAX) {
    figures.round_trip_ms = Math.max(figures.round_trip_ms ?? 0, (stats.roundTripTime ?? 0) * 1000);
    figures.lost = Math.max(figures.lost ?? 0, stats.fractionLost ?? 0);
  }
}

function readReceiver(stats: Readings, work: CodecWork, audio: boolean, arrived: { packets: number; lost: number }): void {
  if (stats.type !== "inbound-rtp") return;
  arrived.packets += stats.packetsReceived ?? 0;
  arrived.lost += stats.packetsLost ?? 0;
  const played = (stats.totalSamplesReceived ?? 0) - (stats.concealedSamples ?? 0);
  work.done += audio ? Math.floor(played / HALF_SECOND_SAMPLES) : (stats.framesDecoded ?? 0);
}
