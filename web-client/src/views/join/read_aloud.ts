// Reads a text aloud, with a voice that is on the device: voices from the net would tell somebody
// else what is read here, so they are never used.
import type { Lang } from "../../i18n/format";

/** The part of the browser that speaks. */
export interface Speaker {
  getVoices: () => readonly Pick<SpeechSynthesisVoice, "lang" | "localService" | "default">[];
}

/** A voice on the device for this language; `undefined` where there is none. */
export function localVoice<V extends Pick<SpeechSynthesisVoice, "lang" | "localService" | "default">>(voices: readonly V[], lang: Lang): V | undefined {
  const fitting = voices.filter((voice) => voice.localService && voice.lang.toLowerCase().split(/[-_]/)[0] === lang);
  const mainland = lang === "zh" ? fitting.find((voice) => /CN/i.test(voice.lang)) : undefined;
  return mainland ?? fitting.find((voice) => voice.default) ?? fitting[0];
}

/** Reads the texts one after the other; the answer stops it. `onend` when it is over. */
export function readAloud(texts: readonly string[], lang: Lang, onend: () => void): (() => void) | null {
  const speech = (globalThis as { speechSynthesis?: SpeechSynthesis }).speechSynthesis;
  const voice = localVoice(speech?.getVoices() ?? [], lang);
  if (speech === undefined || voice === undefined) return null;
  speech.cancel();
  for (const [index, text] of texts.entries()) {
    const saying = new SpeechSynthesisUtterance(text);
    saying.voice = voice;
    saying.lang = voice.lang;
    saying.rate = 0.95;
    if (index === texts.length - 1) saying.onend = onend;
    saying.onerror = onend;
    speech.speak(saying);
  }
  return () => {
    speech.cancel();
  };
}
