// The few lines of session descriptions that we change.

/** Opus: a constant rate, no silence suppression, one channel.  Sizes and pauses of packets tell
 * what is being said (RFC 6562); encoders read these parameters from the other side's answer. */
const OPUS = "cbr=1;usedtx=0;stereo=0;sprop-stereo=0;maxaveragebitrate=32000;useinbandfec=1";

const OPUS_SETS = new Set(OPUS.split(";").map((pair) => pair.split("=")[0]));

/** The answer, with our parameters for Opus. */
export function withConstantRate(sdp: string): string {
  const payloads = new Set([...sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000/gim)].map((match) => match[1]));
  const lines = sdp.split("\r\n").filter((line) => line !== "");
  const seen = new Set<string>();
  const out = lines.flatMap((line) => {
    const [, payload = "", rest = ""] = /^a=fmtp:(\d+) (.*)$/.exec(line) ?? [];
    if (payload === "" || !payloads.has(payload)) return [line];
    seen.add(payload);
    const kept = rest.split(";").map((pair) => pair.trim()).filter((pair) => !OPUS_SETS.has(pair.split("=")[0] ?? ""));
    return [`a=fmtp:${payload} ${[...kept.filter((pair) => pair !== ""), OPUS].join(";")}`];
  });
  const whole = out.flatMap((line) => {
    const payload = /^a=rtpmap:(\d+) opus\/48000/i.exec(line)?.[1];
    return payload !== undefined && !seen.has(payload) ? [line, `a=fmtp:${payload} ${OPUS}`] : [line];
  });
  return `${whole.join("\r\n")}\r\n`;
}

/** The offer, without the header extension that tells the server who speaks (E2EE.md 1.8). */
export function withoutAudioLevel(sdp: string): string {
  return sdp.replaceAll(/^a=extmap:\S+ urn:ietf:params:rtp-hdrext:ssrc-audio-level.*\r\n/gm, "");
}
