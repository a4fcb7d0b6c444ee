// Simplified Chinese, whole: for tests and the gallery. Pages load the areas they need.
import type { Catalogue } from "../en";
import { words as common } from "./common";
import { words as join } from "./join";
import { words as call } from "./call";
import { words as desk } from "./desk";
import { words as account } from "./account";
import { words as programs } from "./programs";

export const zh: Catalogue = { ...common, ...join, ...call, ...desk, ...account, ...programs };
