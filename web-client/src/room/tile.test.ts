import { describe, expect, it } from "vitest";

import type { TileFacts, TileState } from "./tile";
import { LOCKED_MS_MAX, showsVideo, STILL_MS_MAX, tileState } from "./tile";
import { tileWord } from "./words";

const WELL: TileFacts = {
  here_connected: true,
  connected: true,
  gone_ms: 0,
  vouched: true,
  camera_on: true,
  refused: false,
  drawn: true,
  still_ms: 0,
  locked_ms: 0,
  away: false,
  paused: false,
  stopped: false,
  alarmed: false,
};

const CASES: [string, Partial<TileFacts>, TileState][] = [
  ["a picture when all is well", {}, { type: "picture" }],
  ["camera off", { camera_on: false, drawn: false }, { type: "camera_off" }],
  ["that no picture was agreed to, before that it is paused", { camera_on: false, drawn: false, paused: true, refused: true }, { type: "refused" }],
  ["that pictures are paused for the voice's sake", { camera_on: false, drawn: false, paused: true }, { type: "paused" }],
  ["that it is stopped when the safety codes differ, whatever comes", { stopped: true }, { type: "stopped" }],
  ["a picture that comes nevertheless", { paused: true }, { type: "picture" }],
  ["that they are busy with something else, whatever the camera does", { away: true, camera_on: false }, { type: "away" }],
  ["securing until the group vouches", { vouched: false }, { type: "securing" }],
  ["securing until the first picture", { drawn: false }, { type: "securing" }],
  ["a weak line when the first picture does not come", { drawn: false, still_ms: 60_000 }, { type: "weak_line" }],
  ["a weak line when the picture stands still", { still_ms: STILL_MS_MAX + 1 }, { type: "weak_line" }],
  ["that it cannot be opened", { locked_ms: LOCKED_MS_MAX + 1, still_ms: 9000 }, { type: "cannot_open" }],
  ["that they reconnect, and for how long", { connected: false, gone_ms: 12_400 }, { type: "reconnecting", seconds: 12 }],
  ["that we reconnect", { here_connected: false, connected: false }, { type: "here_reconnecting" }],
  ["unsafe before everything else", { alarmed: true, here_connected: false, camera_on: false }, { type: "unsafe" }],
];

describe("a tile says", () => {
  it.each(CASES)("%s", (_, change, state) => {
    expect(tileState({ ...WELL, ...change })).toEqual(state);
  });
});

describe("a tile", () => {
  const booleans = [true, false];
  const all = booleans.flatMap((here_connected) =>
    booleans.flatMap((connected) =>
      booleans.flatMap((vouched) =>
        booleans.flatMap((camera_on) =>
          booleans.flatMap((drawn) =>
            booleans.flatMap((alarmed) =>
              [0, 3000, 60_000].flatMap((still_ms) =>
                [0, 5000].map((locked_ms) => ({ ...WELL, here_connected, connected, vouched, camera_on, drawn, alarmed, still_ms, locked_ms })),
              ),
            ),
          ),
        ),
      ),
    ),
  );

  it("without a picture always has a word", () => {
    for (const facts of all) {
      const state = tileState(facts);
      expect(showsVideo(state, facts.drawn) || tileWord(state) !== null, JSON.stringify(facts)).toBe(true);
    }
  });

  it("shows pictures only of somebody the group vouches for, and never past an alarm", () => {
    for (const facts of all) {
      if (facts.vouched && !facts.alarmed) continue;
      expect(showsVideo(tileState(facts), facts.drawn), JSON.stringify(facts)).toBe(false);
    }
  });
});
