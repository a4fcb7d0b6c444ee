// Where everything is on a poster: a heading, a date, a QR code, what to do with it.
// Pure: the same layout is drawn as SVG and as PNG.  All of it is centred, so that it
// is right in either direction of writing.

/** A sheet of A4 at 96 points an inch, upright. */
export const POSTER = { width: 794, height: 1123 } as const;

/** A line of text, centred on the sheet. */
export interface PosterLine {
  text: string;
  /** Of the base line, from above. */
  y: number;
  size: number;
  bold: boolean;
}

/** Everything on the sheet. */
export interface PosterLayout {
  lines: PosterLine[];
  /** The square of the code. */
  code: { x: number; y: number; side: number };
}

/** What it says. */
export interface PosterTexts {
  title: string;
  /** May be empty. */
  when: string;
  instruction: string;
  alone: string;
}

/** How wide a text is. */
export type Measure = (text: string, size: number, bold: boolean) => number;

const MARGIN = 72;
const WIDTH = POSTER.width - 2 * MARGIN;

/** Lays it out. */
export function layPoster(texts: PosterTexts, measure: Measure): PosterLayout {
  const lines: PosterLine[] = [];
  let y = MARGIN;
  const add = (text: string, size: number, bold: boolean, n_max: number): void => {
    for (const line of wrap(text, (piece) => measure(piece, size, bold) <= WIDTH).slice(0, n_max)) {
      y += size * 1.45;
      lines.push({ text: line, y: Math.round(y), size, bold });
    }
  };
  add(texts.title, 44, true, 3);
  y += 8;
  add(texts.when, 26, false, 2);
  y += 36;
  const side = 480;
  const code = { x: (POSTER.width - side) / 2, y: Math.round(y), side };
  y += side + 12;
  add(texts.instruction, 24, false, 4);
  y += 6;
  add(texts.alone, 20, false, 2);
  return { lines, code };
}

/** Breaks a text at its blanks, and where there are none, anywhere. */
export function wrap(text: string, fits: (piece: string) => boolean): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.trim().split(/\s+/)) {
    if (word === "") continue;
    const longer = line === "" ? word : `${line} ${word}`;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = "";
    for (const character of word) {
      if (line !== "" && !fits(line + character)) {
        lines.push(line);
        line = "";
      }
      line += character;
    }
  }
  return line === "" ? lines : [...lines, line];
}
