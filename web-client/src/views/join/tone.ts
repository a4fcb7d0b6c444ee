// Three soft notes to find out whether one hears something, through the loudspeaker one chose.

const NOTES = [523.25, 659.25, 783.99] as const;
const NOTE_SECONDS = 0.35;

/** Plays them; done when the last one has faded. */
export async function playTone(speaker: string | null): Promise<void> {
  const context = new AudioContext();
  try {
    const end = context.createMediaStreamDestination();
    for (const [index, frequency] of NOTES.entries()) {
      const at = context.currentTime + 0.05 + index * NOTE_SECONDS;
      const tone = new OscillatorNode(context, { frequency });
      const loudness = new GainNode(context, { gain: 0 });
      loudness.gain.setValueAtTime(0, at);
      loudness.gain.linearRampToValueAtTime(0.3, at + 0.04);
      loudness.gain.exponentialRampToValueAtTime(0.001, at + NOTE_SECONDS * 1.4);
      tone.connect(loudness).connect(end);
      tone.start(at);
      tone.stop(at + NOTE_SECONDS * 1.4);
    }
    // An element, because only elements can be given a loudspeaker in every browser that lets us choose.
    const element = new Audio();
    element.srcObject = end.stream;
    if (speaker !== null && "setSinkId" in element) await element.setSinkId(speaker).catch(() => undefined);
    await element.play();
    await new Promise((resolve) => setTimeout(resolve, (NOTES.length + 1) * NOTE_SECONDS * 1000));
    element.srcObject = null;
  } finally {
    await context.close().catch(() => undefined);
  }
}
