// What the people in a call tell each other beside the chat, and what follows from it for what
// one sends oneself: the ladder, the telephone call, the screen, a safety code that does not match.

import type { CallModel, MediaModel } from "../../session/call_model";
import type { Shape } from "../../session/call.svelte";
import type { Item } from "../../room/agreed";
import type { Ladder, Step } from "../../room/ladder";
import { climb, GROUND, lower, reaches, sends } from "../../room/ladder";
import type { Line, LineFacts } from "../../room/line";
import type { PlaceSaid, Standing } from "../../room/said";
import { PLACE_CHARACTERS_MAX, read, STANDING, write } from "../../room/said";
import { Throttle } from "../../room/throttle";

/** Where the question for the place stands. */
export interface Place {
  /** Somebody asks us. */
  asked: boolean;
  /** We asked: whoever has not answered yet may. */
  waits: boolean;
  /** The first answer of each, under the name the group vouches for: a companion's answer is not taken for that of somebody else. */
  answers: readonly { from: string; name: string; said: Exclude<PlaceSaid, { type: "ask" }> }[];
}

const NO_PLACE: Place = { asked: false, waits: false, answers: [] };

/** One call's talk about itself. */
export class Talk {
  ladder: Ladder = $state.raw(GROUND);
  /** No more than this, whatever the line allows. */
  chosen: Step = $state("full");
  standings: ReadonlyMap<string, Standing> = $state.raw(new Map());
  lines: ReadonlyMap<string, Line> = $state.raw(new Map());
  /** What others are writing just now. */
  drafts: ReadonlyMap<string, string> = $state.raw(new Map());
  place: Place = $state.raw(NO_PLACE);
  /** Who sees another safety code than the person next to them. */
  differs: { own: boolean; others: readonly string[] } = $state.raw({ own: false, others: [] });
  /** Whether others see letters as they are written here. */
  isLive = $state(false);
  /** What the person did not agree to; the others are told. */
  without: readonly Item[] = $state.raw([]);
  /** How often a moderator ended our sharing. */
  nStopped = $state(0);

  /** Where we are on the ladder. */
  readonly step: Step = $derived(lower(this.ladder.step, this.chosen));
  /** Picture and sound are stopped because of the safety code. */
  readonly isStopped: boolean = $derived(this.differs.own || this.differs.others.length > 0);
  /** Where whoever is worst off stands. */
  readonly theirs: Step = $derived.by(() => this.call.state.others.map(({ participant }) => this.standing(participant).step).reduce(lower, "full"));
  /** What may be sent. */
  readonly shape: Shape = $derived(this.isStopped ? { microphone: false, camera: false, lowered: false } : sends(this.step, this.theirs));

  private readonly live = new Throttle<string>((text) => {
    this.call.say("live", write.live(text));
  });

  constructor(
    private readonly call: CallModel,
    private readonly media: MediaModel,
    /** No picture in an appointment by voice, no sound in one by text. */
    readonly bound: Step = "full",
  ) {
    this.chosen = bound;
  }

  /** How somebody stands. */
  standing(participant: string): Standing {
    return this.standings.get(participant) ?? STANDING;
  }

  /** Whether somebody's picture is missing because they cannot send one, or we asked for none. */
  isPaused(participant: string): boolean {
    return this.bound === "full" && (!reaches(this.standing(participant).step, "lower") || !reaches(this.step, "no_own"));
  }

  /** Steps that the person may choose. */
  mayChoose(step: Step): boolean {
    return lower(step, this.bound) === step;
  }

  /** The person decides; the ladder begins anew. */
  choose(step: Step): void {
    this.chosen = lower(step, this.bound);
    this.ladder = GROUND;
  }

  /** One second of the line. */
  second(facts: LineFacts): void {
    if (this.call.state.phase.type !== "in_call" || !this.call.mediaUp || this.call.state.others.length === 0) return;
    // The line is judged by what is sent, and there is nothing to try above what was chosen.
    const next = climb({ ...this.ladder, step: this.step }, facts);
    this.ladder = this.mayUse(next.step) ? next : { ...next, step: this.chosen, good: 0, tried: null };
  }

  /** Tells the others how we stand. */
  tell(): void {
    if (this.call.state.others.length === 0) return;
    this.call.say("step", write.step({ type: "standing", step: this.step, sharing: this.isSharing(), away: this.media.away === true, without: this.without }));
    this.call.say("line", write.line(this.call.line));
  }

  /** What is being written. */
  draft(text: string): void {
    if (this.isLive) this.live.give(text);
  }

  /** It was sent: nothing is being written any more. */
  sent(): void {
    if (!this.isLive) return;
    this.live.stop();
    this.call.say("live", write.live(""));
  }

  /** Lets others see letters as they are written, or not. */
  setLive(on: boolean): void {
    if (!on) this.sent();
    this.isLive = on;
  }

  /** "We do not see the same": nothing more is sent until both agree. */
  reportMismatch(): void {
    this.differs = { ...this.differs, own: true };
    this.call.say("mismatch", write.mismatch(true));
  }

  /** "We looked again, and they are the same." */
  settleMismatch(): void {
    this.differs = { own: false, others: [] };
    this.call.say("mismatch", write.mismatch(false));
  }

  askPlace(): void {
    this.place = { ...NO_PLACE, waits: true };
    this.call.say("place", write.place({ type: "ask" }));
  }

  /** `null`: rather not. */
  answerPlace(text: string | null): void {
    this.place = NO_PLACE;
    const kept = text?.trim().slice(0, PLACE_CHARACTERS_MAX) ?? "";
    this.call.say("place", write.place(kept === "" ? { type: "rather_not" } : { type: "answer", text: kept }));
  }

  forgetPlace(): void {
    this.place = NO_PLACE;
  }

  /** Moderators: asks whoever shares to stop. */
  stopTheirSharing(): void {
    this.call.say("step", write.step({ type: "stop_sharing" }));
  }

  /** Listens; the answer ends it. */
  listen(): () => void {
    const ears = [
      this.call.onSaid("step", (from, text) => { this.hearStep(from, text); }),
      this.call.onSaid("line", (from, text) => {
        const line = read.line(text);
        if (line !== null && this.knows(from)) this.lines = new Map(this.lines).set(from, line);
      }),
      this.call.onSaid("live", (from, text) => {
        const draft = read.live(text);
        if (draft === null || !this.knows(from)) return;
        const drafts = new Map(this.drafts);
        if (draft === "") drafts.delete(from);
        else drafts.set(from, draft);
        this.drafts = drafts;
      }),
      this.call.onSaid("mismatch", (from, text) => {
        const differs = read.mismatch(text);
        if (differs === null || !this.knows(from)) return;
        const others = this.differs.others.filter((one) => one !== from);
        this.differs = { ...this.differs, others: differs ? [...others, from] : others };
      }),
      this.call.onSaid("place", (from, text) => { this.hearPlace(from, text); }),
    ];
    return () => {
      this.live.stop();
      for (const end of ears) end();
    };
  }

  /** Forgets those who are no longer here. */
  tidy(): void {
    const here = <T>(all: ReadonlyMap<string, T>): ReadonlyMap<string, T> => {
      const kept = [...all].filter(([who]) => this.knows(who));
      return kept.length === all.size ? all : new Map(kept);
    };
    this.standings = here(this.standings);
    this.lines = here(this.lines);
    this.drafts = here(this.drafts);
  }

  private hearStep(from: string, text: string): void {
    const said = read.step(text);
    if (said === null || !this.knows(from)) return;
    if (said.type === "standing") {
      const { step, sharing, away, without } = said;
      this.standings = new Map(this.standings).set(from, { step, sharing, away, without });
    } else if (this.isModerator(from) && this.isSharing()) {
      this.media.unshare?.();
      this.nStopped += 1;
    }
  }

  private hearPlace(from: string, text: string): void {
    const said = read.place(text);
    if (said === null || !this.knows(from)) return;
    if (said.type === "ask") {
      // Only the counsellor may ask, and not another counsellor.
      if (this.isModerator(from) && this.call.state.role !== "moderator") this.place = { ...NO_PLACE, asked: true };
    } else if (this.place.waits && !this.isModerator(from) && !this.place.answers.some((answer) => answer.from === from)) {
      const name = this.call.state.others.find(({ participant }) => participant === from)?.name ?? "";
      this.place = { ...this.place, answers: [...this.place.answers, { from, name, said }] };
    }
  }

  private mayUse(step: Step): boolean {
    return lower(step, this.chosen) === step;
  }

  private isSharing(): boolean {
    return (this.media.screen ?? null) !== null;
  }

  private knows(participant: string): boolean {
    return this.call.state.others.some((other) => other.participant === participant && other.leaf !== null);
  }

  private isModerator(participant: string): boolean {
    return this.call.state.others.some((other) => other.participant === participant && other.role === "moderator");
  }
}
