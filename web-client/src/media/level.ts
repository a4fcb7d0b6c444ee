// How loud a microphone is, as a number between 0 and 1.

/** Milliseconds between two readings. */
export const LEVEL_MS = 66;

/** Calls back about fifteen times a second; the answer stops it. */
export function watchLevel(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    onLevel(levelOf(samples));
  }, LEVEL_MS);
  const forget = keepRunning(context);
  return () => {
    clearInterval(timer);
    forget();
    context.close().catch(() => undefined);
  };
}

/** Goes on listening after a telephone call ("interrupted" on iOS) or a locked screen; the answer ends that. */
export function keepRunning(context: AudioContext): () => void {
  const goOn = (): void => {
    if (document.visibilityState === "visible" && context.state !== "running" && context.state !== "closed") context.resume().catch(() => undefined);
  };
  context.addEventListener("statechange", goOn);
  document.addEventListener("visibilitychange", goOn);
  goOn();
  return () => {
    context.removeEventListener("statechange", goOn);
    document.removeEventListener("visibilitychange", goOn);
  };
}

/** Whether somebody who is muted speaks nevertheless: their microphone is listened to on this
 * device only, by a copy of the track that goes nowhere. */
export function watchMuted(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const copy = track.clone();
  copy.enabled = true;
  const end = watchLevel(copy, onLevel);
  return () => {
    end();
    copy.stop();
  };
}

/** Loudness of some samples: -60 dB is 0, full scale is 1. */
export function levelOf(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i += 1) sum += (samples[i] ?? 0) ** 2;
  const decibels = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (decibels + 60) / 60));
}
