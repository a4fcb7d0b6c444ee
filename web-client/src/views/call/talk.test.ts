import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Other } from "../../protocol/participant";
import type { Topic } from "../../protocol/participant";
import type { CallModel, MediaModel } from "../../session/call_model";
import type { Step } from "../../room/ladder";
import { write } from "../../room/said";
import { Talk } from "./talk.svelte";

interface Fake {
  talk: Talk;
  said: { topic: Topic; text: string }[];
  hear: (topic: Topic, text: string, from?: string) => void;
  call: { state: { role: string; others: Other[]; phase: { type: string } }; mediaUp: boolean; line: string };
  media: { screen: object | null; away: boolean };
}

const other = (participant: string, role: Other["role"], leaf: number | null = 1): Other => ({ participant, name: "N", role, leaf, connected: true, tracks: [] });

function begin(role: "moderator" | "attendee", bound: Step = "full"): Fake {
  const said: Fake["said"] = [];
  const ears: { topic: Topic; hear: (from: string, text: string) => void }[] = [];
  const media: Fake["media"] = { screen: null, away: false };
  const call = {
    state: { role, phase: { type: "in_call" }, others: [other("7", role === "moderator" ? "attendee" : "moderator")] },
    mediaUp: true,
    line: "good",
    say: (topic: Topic, text: string) => said.push({ topic, text }),
    onSaid: (topic: Topic, hear: (from: string, text: string) => void) => {
      ears.push({ topic, hear });
      return () => undefined;
    },
  };
  Object.assign(media, { unshare: () => (media.screen = null) });
  const talk = new Talk(call as unknown as CallModel, media as unknown as MediaModel, bound);
  talk.listen();
  const hear = (topic: Topic, text: string, from = "7"): void => {
    for (const ear of ears) if (ear.topic === topic) ear.hear(from, text);
  };
  return { talk, said, hear, call, media };
}

const WEAK = { round_trip_ms: 900, lost: 0.3 };
const GOOD = { round_trip_ms: 50, lost: 0 };
const standing = (step: Step): string => write.step({ type: "standing", step, sharing: false, away: false, without: [] });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("what is sent", () => {
  it("is less on a weak line, and the others are told", () => {
    const { talk, said } = begin("attendee");
    for (let second = 0; second < 14; second += 1) talk.second(WEAK);
    expect(talk.shape).toEqual({ microphone: true, camera: false, lowered: true });
    talk.tell();
    expect(said).toContainEqual({ topic: "step", text: standing(talk.step) });
  });

  it("comes with what was not agreed to, and so does what the others say", () => {
    const { talk, said, hear } = begin("attendee");
    talk.without = ["chat"];
    talk.tell();
    expect(said.find(({ topic }) => topic === "step")?.text).toContain('"without":["chat"]');
    hear("step", write.step({ type: "standing", step: "full", sharing: false, away: false, without: ["video"] }));
    expect(talk.standing("7").without).toEqual(["video"]);
  });

  it("is without a picture for somebody whose line bears the voice only", () => {
    const { talk, hear } = begin("moderator");
    hear("step", standing("audio"));
    expect(talk.shape).toMatchObject({ microphone: true, camera: false });
    hear("step", standing("full"));
    expect(talk.shape).toMatchObject({ microphone: true, camera: true, lowered: false });
  });

  it("is never more than the person chose, however good the line", () => {
    const { talk } = begin("attendee");
    talk.choose("audio");
    for (let second = 0; second < 600; second += 1) {
      talk.second(GOOD);
      expect(talk.shape.camera).toBe(false);
    }
    talk.choose("full");
    expect(talk.shape).toEqual({ microphone: true, camera: true, lowered: false });
  });

  it("explains a missing picture, but not in an appointment that has none", () => {
    const { talk, hear } = begin("moderator");
    expect(talk.isPaused("7")).toBe(false);
    hear("step", standing("no_own"));
    expect(talk.isPaused("7")).toBe(true);
    hear("step", standing("full"));
    talk.choose("audio");
    expect(talk.isPaused("7")).toBe(true);
    expect(begin("moderator", "audio").talk.isPaused("7")).toBe(false);
  });

  it("is never more than the appointment has", () => {
    const { talk } = begin("attendee", "audio");
    talk.choose("full");
    expect([talk.step, talk.mayChoose("full"), talk.mayChoose("audio"), talk.mayChoose("text")]).toEqual(["audio", false, true, true]);
  });

  it("stays as it is while nobody is there or the connection is broken", () => {
    const { talk, call } = begin("attendee");
    call.mediaUp = false;
    for (let second = 0; second < 60; second += 1) talk.second(WEAK);
    call.mediaUp = true;
    call.state.others = [];
    for (let second = 0; second < 60; second += 1) talk.second(WEAK);
    expect(talk.step).toBe("full");
  });
});

describe("a safety code that does not match", () => {
  it("stops picture and sound on both sides, until both looked again", () => {
    const ana = begin("moderator");
    const sam = begin("attendee");
    ana.talk.reportMismatch();
    sam.hear("mismatch", ana.said.at(-1)?.text ?? "");
    for (const { talk } of [ana, sam]) expect(talk.shape).toEqual({ microphone: false, camera: false, lowered: false });
    ana.talk.settleMismatch();
    sam.hear("mismatch", ana.said.at(-1)?.text ?? "");
    for (const { talk } of [ana, sam]) expect(talk.shape.microphone).toBe(true);
  });

  it("is not settled by the other side alone for somebody who saw it", () => {
    const { talk, hear } = begin("attendee");
    talk.reportMismatch();
    hear("mismatch", write.mismatch(false));
    expect(talk.isStopped).toBe(true);
  });
});

describe("letters as they are written", () => {
  it("are said only when the person wants it, and end when the message is sent", () => {
    const { talk, said } = begin("attendee");
    talk.draft("secret");
    vi.advanceTimersByTime(1000);
    expect(said).toEqual([]);
    talk.setLive(true);
    talk.draft("he");
    talk.draft("hello");
    vi.advanceTimersByTime(500);
    talk.sent();
    expect(said.map(({ text }) => text)).toEqual([write.live("he"), write.live("hello"), write.live("")]);
  });

  it("are forgotten when their writer turns them off, sends, or goes", () => {
    const { talk, hear, call } = begin("moderator");
    hear("live", write.live("hel"));
    expect(talk.drafts.get("7")).toBe("hel");
    hear("live", write.live(""));
    expect(talk.drafts.size).toBe(0);
    hear("live", write.live("hello"));
    call.state.others = [];
    talk.tidy();
    expect(talk.drafts.size).toBe(0);
  });
});

describe("the place for emergencies", () => {
  it("is asked by the counsellor, answered once, and forgotten", () => {
    const ana = begin("moderator");
    const sam = begin("attendee");
    ana.talk.askPlace();
    sam.hear("place", ana.said.at(-1)?.text ?? "");
    expect(sam.talk.place.asked).toBe(true);
    sam.talk.answerPlace("  Main street 4 ");
    expect(sam.talk.place).toEqual({ asked: false, waits: false, answers: [] });
    const answer = { from: "7", name: "N", said: { type: "answer", text: "Main street 4" } };
    ana.hear("place", sam.said.at(-1)?.text ?? "");
    expect(ana.talk.place.answers).toEqual([answer]);
    ana.hear("place", write.place({ type: "answer", text: "Elsewhere" }));
    expect(ana.talk.place.answers).toEqual([answer]);
    ana.talk.forgetPlace();
    ana.hear("place", sam.said.at(-1)?.text ?? "");
    expect(ana.talk.place.answers).toEqual([]);
  });

  it("is not answered by a companion in the place of somebody else", () => {
    const { talk, hear, call } = begin("moderator");
    call.state.others = [other("7", "attendee"), { ...other("8", "attendee"), name: "Companion" }, other("9", "moderator")];
    talk.askPlace();
    hear("place", write.place({ type: "rather_not" }), "8");
    hear("place", write.place({ type: "answer", text: "Main street 4" }), "7");
    hear("place", write.place({ type: "answer", text: "The office" }), "9");
    hear("place", write.place({ type: "answer", text: "Nowhere" }), "99");
    expect(talk.place.answers).toEqual([
      { from: "8", name: "Companion", said: { type: "rather_not" } },
      { from: "7", name: "N", said: { type: "answer", text: "Main street 4" } },
    ]);
  });

  it("may be kept to oneself", () => {
    const { talk, said } = begin("attendee");
    talk.answerPlace(null);
    expect(said).toEqual([{ topic: "place", text: write.place({ type: "rather_not" }) }]);
  });

  it("cannot be asked of the counsellor, nor by somebody the group does not vouch for", () => {
    const ana = begin("moderator");
    ana.hear("place", write.place({ type: "ask" }));
    expect(ana.talk.place.asked).toBe(false);
    const sam = begin("attendee");
    sam.hear("place", write.place({ type: "ask" }), "99");
    sam.call.state.others = [other("7", "attendee")];
    sam.hear("place", write.place({ type: "ask" }));
    sam.call.state.others = [other("7", "moderator", null)];
    sam.hear("place", write.place({ type: "ask" }));
    expect(sam.talk.place.asked).toBe(false);
  });
});

describe("a shared screen", () => {
  it("is ended by the counsellor, and by nobody else", () => {
    const { talk, hear, call, media } = begin("attendee");
    media.screen = {};
    call.state.others = [other("7", "attendee")];
    hear("step", write.step({ type: "stop_sharing" }));
    expect(media.screen).not.toBeNull();
    call.state.others = [other("7", "moderator")];
    hear("step", write.step({ type: "stop_sharing" }));
    expect([media.screen, talk.nStopped]).toEqual([null, 1]);
  });
});

it("nonsense from the other side changes nothing", () => {
  const { talk, hear } = begin("attendee");
  for (const topic of ["step", "line", "live", "mismatch", "place"] as const) for (const text of ["", "{", "[]", '{"step":1}', '{"type":"standing"}']) hear(topic, text);
  expect([talk.standings.size, talk.lines.size, talk.drafts.size, talk.isStopped, talk.place.asked]).toEqual([0, 0, 0, false, false]);
});
