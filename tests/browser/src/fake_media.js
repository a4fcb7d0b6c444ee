// Known pictures and sounds for fake cameras and microphones, and how to know them again.
//
// A picture is four coloured quarters with a small grey block that moves, so that frames
// differ.  A sound is a tone in short bursts: noise suppression takes away what never stops.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const WIDTH = 640;
const HEIGHT = 360;
const FRAMES = 12;
const RATE = 48_000;

const RED = [200, 30, 40];
const GREEN = [40, 170, 60];
const BLUE = [40, 60, 200];
const YELLOW = [220, 200, 40];

/** What the two people show and sound like: quarters in reading order, and a tone in Hz. */
export const ANA = { quarters: [RED, GREEN, BLUE, YELLOW], tone: 660 };
export const BEN = { quarters: [YELLOW, BLUE, RED, GREEN], tone: 1320 };

/** Two people for pictures that people look at; nothing recognises them. */
export const LINDQVIST = { portrait: { wall: [122, 176, 174], coat: [83, 118, 136], skin: [219, 181, 153] }, tone: 660 };
export const SAMAR = { portrait: { wall: [194, 156, 126], coat: [121, 116, 80], skin: [176, 128, 96] }, tone: 1320 };

/** Writes the camera file of somebody (raw pictures, Y4M). */
export function cameraFile(folder, person) {
  const header = `YUV4MPEG2 W${WIDTH} H${HEIGHT} F30:1 Ip A1:1 C420jpeg\n`;
  const parts = [Buffer.from(header)];
  for (let n = 0; n < FRAMES; n += 1) parts.push(Buffer.from("FRAME\n"), picture(person.portrait ? face(person.portrait, n) : quartersWithBlock(person.quarters, n)));
  const path = join(folder, `camera-${person.tone}.y4m`);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

/** Writes the microphone file of somebody (WAV). */
export function microphoneFile(folder, person) {
  const seconds = 4;
  const samples = Buffer.alloc(seconds * RATE * 2);
  for (let n = 0; n < seconds * RATE; n += 1) {
    const inBurst = (n / RATE) % 0.5 < 0.3;
    const value = inBurst ? Math.sin((2 * Math.PI * person.tone * n) / RATE) : 0;
    samples.writeInt16LE(Math.round(value * 0.6 * 32_767), n * 2);
  }
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + samples.length, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(samples.length, 40);
  const path = join(folder, `microphone-${person.tone}.wav`);
  writeFileSync(path, Buffer.concat([header, samples]));
  return path;
}

/** Four quarters, and the block that moves. */
function quartersWithBlock(quarters, n) {
  const colours = quarters.map(yuv);
  const block = { left: 40 + n * 40, top: HEIGHT / 2 - 12 };
  return (x, y) => {
    const inBlock = x >= block.left && x < block.left + 24 && y >= block.top && y < block.top + 24;
    return inBlock ? [128, 128, 128] : colours[(y < HEIGHT / 2 ? 0 : 2) + (x < WIDTH / 2 ? 0 : 1)];
  };
}

/** Somebody, in three calm colours, who moves a little: for pictures that people look at. */
function face({ wall, coat, skin }, n) {
  const colours = [wall, coat, skin].map(yuv);
  const nod = Math.round(Math.sin((2 * Math.PI * n) / FRAMES) * 4);
  const inside = (x, y, width, height) => (x / width) ** 2 + (y / height) ** 2 <= 1;
  return (x, y) => {
    if (inside(x - WIDTH / 2, y - 160 - nod, 70, 88)) return colours[2];
    return inside(x - WIDTH / 2, y - 340, 150, 125) ? colours[1] : colours[0];
  };
}

function picture(colourAt) {
  const luma = Buffer.alloc(WIDTH * HEIGHT);
  const blue = Buffer.alloc((WIDTH * HEIGHT) / 4);
  const red = Buffer.alloc((WIDTH * HEIGHT) / 4);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const [Y, U, V] = colourAt(x, y);
      luma[y * WIDTH + x] = Y;
      const half = (y >> 1) * (WIDTH / 2) + (x >> 1);
      blue[half] = U;
      red[half] = V;
    }
  }
  return Buffer.concat([luma, blue, red]);
}

/** Full-range BT.601, as JPEG has it. */
function yuv([r, g, b]) {
  const Y = 0.299 * r + 0.587 * g + 0.114 * b;
  return [Y, 128 + 0.564 * (b - Y), 128 + 0.713 * (r - Y)].map((v) => Math.round(Math.min(255, Math.max(0, v))));
}

/** The mean colours of the quarters of the remote picture; null while nothing is drawn. */
export function quartersShown(page) {
  return page.evaluate(() => {
    const video = document.querySelector("[data-testid=tile-remote] [data-testid=tile-video]");
    if (video === null || video.videoWidth === 0) return null;
    const canvas = document.createElement("canvas");
    canvas.width = 64;
    canvas.height = 36;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0, 64, 36);
    const mean = (left, top) => {
      const { data } = context.getImageData(left, top, 16, 8);
      const sum = [0, 0, 0];
      for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c += 1) sum[c] += data[i + c];
      return sum.map((value) => Math.round(value / (data.length / 4)));
    };
    return [mean(8, 4), mean(40, 4), mean(8, 24), mean(40, 24)];
  });
}

/** Whether quarters are those of `person`; else a word on what they are. */
export function isPictureOf(person, shown) {
  if (shown === null) return "nothing drawn";
  const near = shown.every((colour, n) => colour.every((value, c) => Math.abs(value - person.quarters[n][c]) < 60));
  return near || JSON.stringify(shown);
}

/**
 * Records what the page plays for a while and returns its loudest frequency in Hz; null for
 * silence.  (Recorded and not analysed live: where there is no loudspeaker, Firefox never
 * starts a live AudioContext.)
 */
export function toneHeard(page, milliseconds = 1200) {
  return page.evaluate(async (duration) => {
    const rate = 16_000;
    const record = async (stream) => {
      const recorder = new MediaRecorder(stream);
      const parts = [];
      recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
      const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
      recorder.start();
      setTimeout(() => recorder.state === "recording" && recorder.stop(), duration);
      await stopped;
      const bytes = await new Blob(parts).arrayBuffer();
      if (bytes.byteLength === 0) return new Float32Array();
      const sound = await new OfflineAudioContext(1, rate, rate).decodeAudioData(bytes).catch(() => null);
      return sound?.getChannelData(0) ?? new Float32Array();
    };
    const streams = [...document.querySelectorAll("audio")].map((element) => element.srcObject);
    const playing = streams.filter((stream) => stream?.getAudioTracks().some((track) => track.readyState === "live"));
    const sounds = await Promise.all(playing.map(record));

    // The loudest stretch, so that a pause between two bursts does not matter.
    const length = 2048;
    let loudest = { energy: 0, stretch: null };
    for (const samples of sounds) {
      for (let from = 0; from + length <= samples.length; from += length / 4) {
        const stretch = samples.subarray(from, from + length);
        const energy = stretch.reduce((sum, value) => sum + value * value, 0);
        if (energy > loudest.energy) loudest = { energy, stretch };
      }
    }
    if (loudest.stretch === null || loudest.energy / length < 1e-5) return null;
    let best = { power: 0, hertz: null };
    for (let hertz = 200; hertz <= 4000; hertz += 4) {
      // Goertzel's algorithm: the power at one frequency.
      const turn = 2 * Math.cos((2 * Math.PI * hertz) / rate);
      let [before, last] = [0, 0];
      for (const value of loudest.stretch) [before, last] = [last, value + turn * last - before];
      const power = last * last + before * before - turn * last * before;
      if (power > best.power) best = { power, hertz };
    }
    return best.hertz;
  }, milliseconds);
}

/** Whether a frequency is the tone of `person`; else a word on what it is. */
export function isToneOf(person, hertz) {
  if (hertz === null) return "silence";
  return Math.abs(hertz - person.tone) < 25 || `${hertz} Hz`;
}
