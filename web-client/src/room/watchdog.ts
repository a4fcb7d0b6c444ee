// Whether media goes past the vault.
//
// A browser that does not run a transform sends frames in clear, or shows what nobody
// opened (E2EE.md 1.9).  Once a second the page compares what the codecs did with what the
// vault did.  Codecs at work while the vault stands still mean that the vault is bypassed.
//
// Invariants:
// - A sender whose codec works for a whole second while its sealer counts nothing raises an
//   alarm at once; a few frames alone may be on their way between two readings.
// - Whoever does so for longer raises an alarm too.  Encoders get two seconds, decoders
//   three, because they may still play for a moment what was opened before.
// - A vault that is slow is not one that is bypassed: what waits for it has not left the device.
//   Frames count against a sender only when packets left too, and only when the vault did nothing
//   since before the former reading of the codec.
// - An alarm stays.

/** What one codec and its transform have done so far; numbers only grow. */
export interface Work {
  /** Name of the transform. */
  name: string;
  /** Towards the server, or from it. */
  direction: "seal" | "open";
  /** Frames (packets, samples) the codec has dealt with. */
  codec: number;
  /** Packets that left the device; of senders only. */
  sent?: number;
  /** Frames the vault has let through or refused, read after the codec. */
  vault: number;
  /** The same, read before the codec; if it was read only once, `vault`. */
  earlier?: number;
}

/** What is remembered of one codec. */
interface Seen {
  codec: number;
  sent: number;
  vault: number;
  strikes: number;
  alarmed: boolean;
}

/** What is remembered from one second to the next. */
export type Watch = ReadonlyMap<string, Seen>;

/** Seconds in a row that raise the alarm. */
const STRIKES_MAX = { seal: 2, open: 3 } as const;

/** Frames in one second that cannot be "on their way" from encoder to sealer. */
const FRAMES_ON_THE_WAY_MAX = 5;

/** Looks at one second of work. */
export function watch(before: Watch, works: readonly Work[]): { watch: Watch; alarms: string[] } {
  const after = new Map<string, Seen>();
  for (const { name, direction, codec, sent = codec, vault, earlier = vault } of works) {
    const last = before.get(name) ?? { codec: 0, sent: 0, vault: 0, strikes: 0, alarmed: false };
    // Counters that fell belong to a new peer connection: begin anew, but never forget an alarm.
    const isNew = codec < last.codec || vault < last.vault;
    const codecDid = Math.min(codec - (isNew ? 0 : last.codec), sent - (isNew ? 0 : last.sent));
    const vaultDid = vault - (isNew ? 0 : last.vault);
    const strikes = codecDid > 0 && vaultDid === 0 ? last.strikes + 1 : 0;
    const isPlain = strikes > 0 && direction === "seal" && codecDid > FRAMES_ON_THE_WAY_MAX;
    after.set(name, { codec, sent, vault: earlier, strikes, alarmed: last.alarmed || isPlain || strikes >= STRIKES_MAX[direction] });
  }
  const alarms = [...after].filter(([, { alarmed }]) => alarmed).map(([name]) => name);
  return { watch: after, alarms };
}
