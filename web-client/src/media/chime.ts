// Three soft sounds for the desk: somebody knocks, somebody joined, it is over.  The person
// counselled hears none of them: there may be somebody in the next room.

/** Which. */
export type Chime = "knock" | "joined" | "ended";

/** Pitches in hertz, one after the other. */
const NOTES: Record<Chime, readonly number[]> = {
  knock: [523.25, 659.25, 523.25],
  joined: [440, 587.33],
  ended: [587.33, 440],
};

const NOTE_SECONDS = 0.22;

let context: AudioContext | undefined;

/** Plays it, if the browser lets us. */
export function chime(which: Chime): void {
  context ??= new AudioContext();
  const { currentTime, destination } = context;
  for (const [index, pitch] of NOTES[which].entries()) {
    const at = currentTime + index * NOTE_SECONDS * 0.8;
    const tone = new OscillatorNode(context, { type: "sine", frequency: pitch });
    const loudness = new GainNode(context, { gain: 0 });
    loudness.gain.setValueAtTime(0, at);
    loudness.gain.linearRampToValueAtTime(0.12, at + 0.03);
    loudness.gain.exponentialRampToValueAtTime(0.001, at + NOTE_SECONDS);
    tone.connect(loudness).connect(destination);
    tone.start(at);
    tone.stop(at + NOTE_SECONDS);
  }
}
