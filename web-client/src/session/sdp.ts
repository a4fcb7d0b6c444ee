// The few lines of session descriptions that we change.
//
// The answer is the server's, which may be hostile: what it says of Opus is not mended but
// replaced, so that no odd spelling of it reaches the encoder.

/** Opus: a constant rate, no silence suppression, one channel.  Sizes and pauses of packets tell
 * what is being said (RFC 6562); encoders read these parameters from the other side's answer. */
const OPUS = "minptime=10;cbr=1;usedtx=0;stereo=0;sprop-stereo=0;maxaveragebitrate=32000;useinbandfec=1";

const RTPMAP_OPUS = /^a=rtpmap:(0|[1-9]\d{0,2}) opus\/48000\/2$/i;

/** Lines that are not taken from the server in a section for sound: they could change the rate. */
const RATES = /^a=\s*(rtpmap|fmtp|ptime|maxptime)\b/i;

const AUDIO_LEVEL = /^a=extmap:.*ssrc-audio-level|^a=extmap:.*csrc-audio-level/i;

function linesOf(sdp: string): string[] {
  return sdp.split(/\r\n|\r|\n/).filter((line) => line !== "");
}

function joined(lines: string[]): string {
  return lines.map((line) => `${line}\r\n`).join("");
}

/** The answer as we take it: our parameters for Opus and no other codec for sound, and nothing
 * that would tell the server who speaks. */
export function safeAnswer(sdp: string): string {
  let inAudio = false;
  const lines = linesOf(withoutAudioLevel(sdp)).flatMap((line) => {
    if (/^m=/i.test(line)) inAudio = /^m=\s*audio\b/i.test(line);
    if (!inAudio || !RATES.test(line)) return [line];
    const payload = RTPMAP_OPUS.exec(line)?.[1];
    return payload === undefined ? [] : [line, `a=fmtp:${payload} ${OPUS}`];
  });
  return joined(lines);
}

/** A description without the header extensions that tell the server who speaks (E2EE.md 1.8). */
export function withoutAudioLevel(sdp: string): string {
  return joined(linesOf(sdp).filter((line) => !AUDIO_LEVEL.test(line)));
}
