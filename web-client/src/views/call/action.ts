// One thing to do in a call, as the list behind "more" shows it.
import type { IconName } from "../../ui/Icon.svelte";

/** A line of the list. */
export interface Action {
  /** Also its test id. */
  id: string;
  icon: IconName;
  word: string;
  run: () => void;
  /** Ends something. */
  stop?: boolean;
}
