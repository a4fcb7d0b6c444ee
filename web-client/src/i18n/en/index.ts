// English, whole. This catalogue says which texts there are; the others must have the same.
// Pages import the types only, and load the areas they need (`index.svelte.ts`).
import type { Message } from "../format";
import { words as common } from "./common";
import { words as join } from "./join";
import { words as call } from "./call";
import { words as desk } from "./desk";
import { words as account } from "./account";
import { words as programs } from "./programs";

export const en = { ...common, ...join, ...call, ...desk, ...account, ...programs };

interface Areas {
  common: typeof common;
  join: typeof join;
  call: typeof call;
  desk: typeof desk;
  account: typeof account;
  programs: typeof programs;
}

/** The parts a catalogue is loaded in. */
export type Area = keyof Areas;

/** The texts of one area, in any language. */
export type Of<A extends Area> = Record<keyof Areas[A], Message>;

/** Name of a text. */
export type Key = keyof typeof en;

/** A whole language. */
export type Catalogue = Record<Key, Message>;
