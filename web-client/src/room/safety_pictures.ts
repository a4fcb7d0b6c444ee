// The safety code as pictures: ten of sixty-four, 60 bits, for those who would rather name things
// than read digits.  A view of the same code, not another one: the same digits, the same pictures.
import type { Key } from "../i18n/en";

/** One thing: its word, and its drawing of 24 by 24 in strokes. */
export interface Picture {
  word: Key;
  path: string;
}

/** Fewer than ten of sixty-four would be less than 60 bits, which somebody patient could match. */
export const N_PICTURES = 10;

/** The pictures of a code of four groups of five digits; `null` when it is not one. */
export function picturesOf(code: readonly string[]): Picture[] | null {
  const digits = code.join("");
  if (!/^\d{20}$/.test(digits)) return null;
  let rest = BigInt(digits);
  const chosen: Picture[] = [];
  for (let place = 0; place < N_PICTURES; place += 1) {
    const picture = PICTURES[Number(rest % 64n)];
    if (picture === undefined) return null;
    chosen.unshift(picture);
    rest /= 64n;
  }
  return chosen;
}

/** Their order is part of the code: never change it. */
export const PICTURES: readonly Picture[] = [
  { word: "pic.sun", path: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2" },
  { word: "pic.moon", path: "M15 3a9 9 0 1 0 6 12A7.5 7.5 0 0 1 15 3Z" },
  { word: "pic.star", path: "M12 3l2.7 6 6.3.6-4.8 4.3 1.4 6.3L12 17l-5.6 3.2 1.4-6.3L3 9.6 9.3 9Z" },
  { word: "pic.cloud", path: "M7 18a4 4 0 0 1-.5-8A6 6 0 0 1 18 9.5a4.3 4.3 0 0 1-.5 8.5Z" },
  { word: "pic.umbrella", path: "M3 12a9 9 0 0 1 18 0ZM12 12v6.5a2.5 2.5 0 0 1-5 0M12 3V1.5" },
  { word: "pic.drop", path: "M12 2.5c4 5 6.5 8.5 6.5 12a6.5 6.5 0 0 1-13 0c0-3.5 2.5-7 6.5-12ZM9 15a3 3 0 0 0 2.5 3" },
  { word: "pic.fire", path: "M12 2c1 5 7 6.5 7 12.5a7 7 0 0 1-14 0c0-2.5 1.5-4.5 3.5-5.5 0 2 .5 3 1.5 3.5C12 9.5 10.5 6 12 2Z" },
  { word: "pic.snow", path: "M12 2v20M3.3 7l17.4 10M20.7 7 3.3 17M9.5 3.5 12 6l2.5-2.5M9.5 20.5 12 18l2.5 2.5M3 10.5l3.4-1-.9-3.4M21 13.5l-3.4 1 .9 3.4" },
  { word: "pic.tree", path: "M12 2a6.5 6.5 0 0 1 4 11.6 6.5 6.5 0 0 1-8 0A6.5 6.5 0 0 1 12 2ZM12 9v12M12 13l2.5-2.5M8 21h8" },
  { word: "pic.leaf", path: "M5 19C4 9 10 4 20 4c0 10-5 16-15 15ZM3 21 14 10M10 14v-4M10 14h4" },
  { word: "pic.flower", path: "M12 6a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5ZM9.6 7a3 3 0 1 1 4.8 0 3 3 0 1 1 0 4 3 3 0 0 1-4.8 0 3 3 0 1 1 0-4ZM12 13v9M12 19c2 0 4-1 4.5-3M12 21c-2 0-4-1-4.5-3" },
  { word: "pic.mushroom", path: "M3 12a9 8.5 0 0 1 18 0ZM9.5 12l-1 9h7l-1-9M9 7.5h.01M14 6.5h.01M16 9.5h.01" },
  { word: "pic.cactus", path: "M10 21V5a2 2 0 0 1 4 0v16M10 15H8a3 3 0 0 1-3-3V9M14 13h2a3 3 0 0 0 3-3V7M6 21h12" },
  { word: "pic.mountain", path: "M1.5 20 9 6l4.5 8 2.5-3.5 6.5 9.5ZM6.5 10.7 9 12.5l2.3-2.3" },
  { word: "pic.wave", path: "M2 8c3.3 0 3.3-3 6.6-3s3.4 3 6.7 3 3.4-3 6.7-3M2 13.5c3.3 0 3.3-3 6.6-3s3.4 3 6.7 3 3.4-3 6.7-3M2 19c3.3 0 3.3-3 6.6-3s3.4 3 6.7 3 3.4-3 6.7-3" },
  { word: "pic.apple", path: "M12 8.5C9.5 6 4 7.5 4 13c0 4.5 3 8 5.5 8 1 0 1.5-.7 2.5-.7s1.5.7 2.5.7c2.5 0 5.5-3.5 5.5-8 0-5.5-5.5-7-8-4.5ZM12 8.5c0-2.5 1-4.5 3.5-6" },
  { word: "pic.pear", path: "M12 6c2 0 3 1.5 3.3 4.5.3 2 3.2 3 3.2 6.2A5.7 5.3 0 0 1 13 22h-2a5.7 5.3 0 0 1-5.5-5.3c0-3.2 2.9-4.2 3.2-6.2C9 7.5 10 6 12 6ZM12 6c0-2 .7-3 2.5-4" },
  { word: "pic.cherries", path: "M7 14a3.7 3.7 0 1 0 0 7.4A3.7 3.7 0 0 0 7 14ZM17 13a3.7 3.7 0 1 0 0 7.4 3.7 3.7 0 0 0 0-7.4ZM7 14c.5-5 3-9 7.5-11.5C14.5 7 15.5 10 17 13M14.5 2.5c2 0 4 .8 5 2.5" },
  { word: "pic.bread", path: "M5 10.5A3.3 3.3 0 0 1 6 4h12a3.3 3.3 0 0 1 1 6.5V19a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1ZM9 8v3M12 8v3M15 8v3" },
  { word: "pic.fish", path: "M2 12c4-7 12-7 16 0-4 7-12 7-16 0ZM18 12l4-4.5v9ZM7 10.5h.01M11 8.5c1.5 2 1.5 5 0 7" },
  { word: "pic.bird", path: "M3 15c4.5 0 4.5-8.5 10-8.5 2.2 0 3.3 1 3.7 2.5L21 10.5l-4 1.7C17 17 13.5 19 9.5 19L7 21.5M3 15l4.5 1.5M13.5 9.8h.01M11 19v2.5" },
  { word: "pic.butterfly", path: "M12 7v12M12 12C10 5 3.5 3 3 6.5S5 13 12 12c7 1 9.5-2 9-5.5S14 5 12 12ZM12 12.5c-5 0-7 3.5-5 5.5s5-1 5-4.5c0 3.5 3 6.5 5 4.5s0-5.5-5-5.5M12 7l-1.5-3M12 7l1.5-3" },
  { word: "pic.snail", path: "M2 20h16a4 4 0 0 0 4-4v-5M22 11l1-3M22 11l-2.5-2M14 20a7 7 0 1 0-8-6.5 4.5 4.5 0 0 0 9 .5 2.5 2.5 0 0 0-5 0" },
  { word: "pic.cat", path: "M4.5 20V5l4.5 4h6l4.5-4v15ZM9 13h.01M15 13h.01M10.5 16.5c1 .8 2 .8 3 0M1.5 14h3M1.5 17h3M19.5 14h3M19.5 17h3" },
  { word: "pic.rabbit", path: "M8.5 11C6 7 6 2 8 2s3 4 3 8.2M15.5 11C18 7 18 2 16 2s-3 4-3 8.2M12 10.2a6.5 5.8 0 1 0 0 11.6 6.5 5.8 0 0 0 0-11.6ZM9.5 15h.01M14.5 15h.01M11 18h2" },
  { word: "pic.house", path: "M2.5 11.5 12 3.5l9.5 8M5.5 9.5V20.5h13V9.5M10 20.5v-6h4v6" },
  { word: "pic.castle", path: "M4 21V5h3.5v2.5h2.7V5h3.6v2.5h2.7V5H20v16ZM9.5 21v-5a2.5 2.5 0 0 1 5 0v5M8 11.5h.01M16 11.5h.01" },
  { word: "pic.tent", path: "M12 5 1.5 20.5h21ZM12 5l1.5-2.5M12 5l-1.5-2.5M12 11.5l-4.5 9h9Z" },
  { word: "pic.bridge", path: "M1.5 17.5h21M1.5 12C8 12 8 5.5 12 5.5s4 6.5 10.5 6.5M6 17.5v-6.5M10 17.5V6M14 17.5V6M18 17.5v-6.5M4 17.5V21M20 17.5V21" },
  { word: "pic.ladder", path: "M8 2v20M16 2v20M8 5.5h8M8 10h8M8 14.5h8M8 19h8" },
  { word: "pic.key", path: "M7.5 11a4.7 4.7 0 1 0 0 9.4 4.7 4.7 0 0 0 0-9.4ZM11 12.5l9.5-9.5M16 7.5l3 3M18.5 5l2.5 2.5M6.5 17h.01" },
  { word: "pic.bell", path: "M5.5 17.5C8 15 8 13 8 10a4 4 0 0 1 8 0c0 3 0 5 2.5 7.5ZM10 20.5a2 2 0 0 0 4 0M12 6V3.5" },
  { word: "pic.lamp", path: "M8.5 3h7l4 9h-15ZM12 12v9M8 21h8M16 12v3" },
  { word: "pic.candle", path: "M9 11h6v10.5H9ZM12 11V8.5M12 2c2.3 2.3 2.3 5.2 0 6.5-2.3-1.3-2.3-4.2 0-6.5ZM6 21.5h12" },
  { word: "pic.chair", path: "M7 2.5v19M7 13.5h10.5v8M7 5h2.5v8.5" },
  { word: "pic.table", path: "M2 7.5h20V11H2ZM4.5 11v10M19.5 11v10" },
  { word: "pic.bed", path: "M2.5 5v15.5M2.5 17.5h19M21.5 20.5V14a3 3 0 0 0-3-3h-8v6.5M6.5 9.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z" },
  { word: "pic.cup", path: "M4.5 8.5h12V16a4 4 0 0 1-4 4h-4a4 4 0 0 1-4-4ZM16.5 10.5h2a2.7 2.7 0 0 1 0 5.4h-2M8 2.5c-1 1.5 1 2 0 3.5M12.5 2.5c-1 1.5 1 2 0 3.5" },
  { word: "pic.bottle", path: "M10 2h4v5.5l2.5 3V21a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1V10.5l2.5-3ZM7.5 13h9M7.5 18h9M10 4.5h4" },
  { word: "pic.spoon", path: "M12 2a3.5 4.7 0 1 0 0 9.4A3.5 4.7 0 0 0 12 2ZM12 11.4V22" },
  { word: "pic.pot", path: "M4.5 10.5h15V18a2.5 2.5 0 0 1-2.5 2.5H7A2.5 2.5 0 0 1 4.5 18ZM1.5 13h3M19.5 13h3M3.5 10.5h17M6 10.5a6 4 0 0 1 12 0M12 6.5v-2" },
  { word: "pic.basket", path: "M2.5 10.5h19L19 20.5H5ZM7 10.5a5 7 0 0 1 10 0M9 13.5l.5 4M15 13.5l-.5 4M12 13.5v4" },
  { word: "pic.boot", path: "M7.5 2.5h7V12l5 2.5a3 3 0 0 1 1.5 2.6V21H7.5ZM7.5 17.5H21M7.5 6h7" },
  { word: "pic.hat", path: "M1.5 17.5c3 2.5 18 2.5 21 0M5.5 18V9.5A4 4 0 0 1 9.5 5.5h5a4 4 0 0 1 4 4V18M5.5 13.5h13" },
  { word: "pic.shirt", path: "M8 3 2.5 6.5l2 5L7 10.5V21h10V10.5l2.5 1 2-5L16 3a4 4 0 0 1-8 0Z" },
  { word: "pic.glasses", path: "M6.5 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM17.5 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM10.5 14.5a1.7 1.7 0 0 1 3 0M2.5 15V8l2.5-2M21.5 15V8L19 6" },
  { word: "pic.clock", path: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 7v5.5l3.5 2" },
  { word: "pic.book", path: "M12 6c-2.5-2-6-2-9.5-2v15c3.5 0 7 0 9.5 2 2.5-2 6-2 9.5-2V4c-3.5 0-7 0-9.5 2ZM12 6v15M5.5 8.5h3M5.5 12.5h3M15.5 8.5h3M15.5 12.5h3" },
  { word: "pic.pencil", path: "M3 21l1.5-6L16 3.5 20.5 8 9 19.5ZM13.5 6 18 10.5M4.5 15 9 19.5" },
  { word: "pic.scissors", path: "M6 15a3.2 3.2 0 1 0 0 6.4A3.2 3.2 0 0 0 6 15ZM18 15a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4ZM8 15.7 16.5 2.5M16 15.7 7.5 2.5" },
  { word: "pic.envelope", path: "M2.5 5.5h19v13.5h-19ZM2.5 6.5l9.5 7.5 9.5-7.5" },
  { word: "pic.gift", path: "M4 12h16v9.5H4ZM2.5 8h19v4h-19ZM12 8v13.5M12 8C6.5 8 5.5 2.5 9 2.5c2 0 3 3 3 5.5ZM12 8c5.5 0 6.5-5.5 3-5.5-2 0-3 3-3 5.5Z" },
  { word: "pic.hammer", path: "M12.5 10.5 4 19.5l2.5 2.5 8.5-9M8 6.5 13 2.5l8.5 7.5-4 4Z" },
  { word: "pic.wheel", path: "M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 0 0 0-19ZM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5ZM12 2.5v7M12 14.5v7M2.5 12h7M14.5 12h7M5.3 5.3l5 5M13.7 13.7l5 5M18.7 5.3l-5 5M10.3 13.7l-5 5" },
  { word: "pic.bicycle", path: "M5.5 12.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM18.5 12.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM5.5 17l4-9h6l3 9M9.5 8l4 9 3-9M5.5 17h8M7.5 5h3.5M15.5 8l-.7-3H18" },
  { word: "pic.car", path: "M2 17v-5.5l3-1L7.5 6h9L19.5 10.5l2.5 1V17ZM7 14.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5ZM17 14.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5ZM5 10.5h14.5M12 6v4.5" },
  { word: "pic.boat", path: "M2 16.5h20L19 21.5H5ZM11 16.5V2l8 11.5h-8M8.5 13.5 8.5 7 4 13.5Z" },
  { word: "pic.plane", path: "M12 2c1.5 0 2 2 2 4v3.5l8 5v2l-8-2v4l2.5 2V22L12 21l-4.5 1v-1.5l2.5-2v-4l-8 2v-2l8-5V6c0-2 .5-4 2-4Z" },
  { word: "pic.kite", path: "M13 1.5l7 8.5-7 7.5-7-7.5ZM13 1.5v16M6 10h14M13 17.5c-3 1 0 3-3 4s-3-1-5 .5" },
  { word: "pic.ball", path: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 8l4 3-1.5 4.5h-5L8 11ZM12 3v5M20.5 10 16 11M17.5 19l-3-3.5M6.5 19l3-3.5M3.5 10 8 11" },
  { word: "pic.drum", path: "M3 8a9 3.5 0 1 0 18 0A9 3.5 0 0 0 3 8ZM3 8v9c0 2 4 3.7 9 3.7s9-1.7 9-3.7V8M7.5 11.3v8.7M16.5 11.3v8.7M12 11.5v9.2" },
  { word: "pic.note", path: "M9.5 18V5.5l10-2.5v12.5M6.7 15.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM16.7 12.7a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM9.5 9l10-2.5" },
  { word: "pic.heart", path: "M12 20.5C5 15.5 2.5 11.5 2.5 8.2A4.8 4.8 0 0 1 12 7a4.8 4.8 0 0 1 9.5 1.2c0 3.3-2.5 7.3-9.5 12.3Z" },
  { word: "pic.anchor", path: "M12 7v14.5M12 2.5a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6ZM3.5 13c0 5.5 4 8.5 8.5 8.5s8.5-3 8.5-8.5M3.5 13 2 15.5M3.5 13l2 2M20.5 13l1.5 2.5M20.5 13l-2 2M8 10.5h8" },
];
