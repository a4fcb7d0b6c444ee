import { describe, expect, it } from "vitest";

import { safeAnswer, withoutAudioLevel } from "./sdp";
import { socketUrl } from "./socket";

const ANSWER = ["v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "a=rtpmap:96 VP8/90000", "a=fmtp:97 apt=96", ""].join("\r\n");

describe("the answer", () => {
  it("makes Opus send at a constant rate without pauses, and leaves the rest alone", () => {
    const lines = safeAnswer(ANSWER).split("\r\n");
    expect(lines).toContain("a=fmtp:111 minptime=10;cbr=1;usedtx=0;stereo=0;sprop-stereo=0;maxaveragebitrate=32000;useinbandfec=1");
    expect(lines).toContain("a=fmtp:97 apt=96");
    expect(lines.filter((line) => line.startsWith("a=fmtp:111"))).toHaveLength(1);
  });

  const greedy = ANSWER.replace("minptime=10", "usedtx=1;cbr=0");
  it.each([
    ["plainly", greedy],
    ["with other line ends", greedy.replaceAll("\r\n", "\n")],
    ["with zeros in front", ANSWER.replace("a=fmtp:111 ", "a=fmtp:0111 usedtx=1;cbr=0;")],
    ["with a sign in front", ANSWER.replace("a=fmtp:111 ", "a=fmtp:+111 usedtx=1;cbr=0;")],
    ["in a second line", ANSWER.replace("m=video", "a=fmtp: 111 usedtx=1;cbr=0\r\nm=video")],
    ["for a codec of an odd name", greedy.replace("rtpmap:111", "rtpmap:0111")],
  ])("overrides what the server would rather have, said %s", (_, sdp) => {
    expect(safeAnswer(sdp)).not.toMatch(/usedtx=1|cbr=0/);
  });

  it("adds the line where there was none", () => {
    const bare = ANSWER.replace("a=fmtp:111 minptime=10;useinbandfec=1\r\n", "");
    expect(safeAnswer(bare)).toMatch(/a=rtpmap:111 opus\/48000\/2\r\na=fmtp:111 minptime=10;cbr=1;usedtx=0/);
  });

  it("cannot ask who speaks", () => {
    const nosy = ANSWER.replace("m=video", "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\nm=video");
    expect(safeAnswer(nosy)).not.toMatch(/audio-level/);
  });
});

describe("the offer", () => {
  it("does not tell the server who speaks", () => {
    const offer = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:2 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:3/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\r\n";
    expect(withoutAudioLevel(offer)).toBe("a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
  });
});

describe("the socket", () => {
  it("is beside the page", () => {
    expect(socketUrl({ protocol: "https:", host: "a.example" })).toBe("wss://a.example/ws");
    expect(socketUrl({ protocol: "http:", host: "localhost:8080" })).toBe("ws://localhost:8080/ws");
  });
});
