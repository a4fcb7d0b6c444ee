// The quick exit: how somebody leaves these pages within one frame, with nothing left behind.
//
// The link and the cover are in index.html, so that there is a way out before any script has
// loaded.  `watchExit` is called by the first script of the page and waits for no framework.
// From the press on, in this order:
//
// 1. the cover lies over everything, dialogs included: nothing of this page is painted again;
// 2. microphone and camera stop, nothing plays;
// 3. what this tab kept is gone, the server is told (for which there is a moment), then the keys;
// 4. the operator's page takes the place of this one in the history.
//
// The next page may take seconds to come, or never; the cover stays.  What the browser itself
// wrote down, its history, no page can erase, and our words say so.

/** Shift this many times … */
const PRESSES = 3;

/** … within this long leaves. */
const PRESSES_WITHIN_MS = 5000;

/** The goodbye to the server may take this long.  Some browsers cut the line once we navigate. */
const GOODBYE_MS = 150;

const COVERED = "gone";

let leaving = false;
let letGo: () => Promise<void> | void = () => undefined;

/** Counts presses of one key that mean "away from here". */
export class Presses {
  private at: number[] = [];

  /** Whether this press completes the sign.  Any other key in between begins anew: it was typing. */
  take(key: string, at: number): boolean {
    if (key !== "Shift") {
      this.at = [];
      return false;
    }
    this.at = [...this.at.filter((before) => at - before <= PRESSES_WITHIN_MS), at];
    return this.at.length >= PRESSES;
  }
}

/** Whether the person is on the way out, so that nothing may hold them. */
export function isLeaving(): boolean {
  return leaving;
}

/** Makes the way out work, from the first script of a page on. */
export function watchExit(): void {
  const presses = new Presses();
  addEventListener("keydown", (event) => {
    if (!event.repeat && presses.take(event.key, event.timeStamp)) leave();
  }, { capture: true });
  addEventListener("pointerdown", () => presses.take("", 0), { capture: true });
  addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("#quick-exit") !== null) {
      event.preventDefault();
      leave();
    }
  }, { capture: true });
  forgetInCache();
  keepInReach();
}

/** Shows or hides the link, with its word.  `end` lets go of what still listens, plays or knows. */
export function quickExit(word: string, isShown: boolean, end: () => Promise<void> | void = () => undefined): void {
  letGo = end;
  const link = exitLink();
  if (link === null) return;
  link.hidden = !isShown;
  link.textContent = word;
}

/** Leads to the operator's page instead, if that is an address of the web. */
export function exitTo(address: string): void {
  const link = exitLink();
  if (link !== null && isWeb(address)) link.href = address;
}

function isWeb(address: string): boolean {
  return URL.canParse(address) && new URL(address).protocol === "https:";
}

function exitLink(): HTMLAnchorElement | null {
  const link = document.getElementById("quick-exit");
  return link instanceof HTMLAnchorElement ? link : null;
}

function leave(): void {
  if (leaving) return;
  const to = exitLink()?.href ?? "about:blank";
  leaving = true;
  vanish(to);
  const go = (): void => { location.replace(to); };
  const timer = setTimeout(go, GOODBYE_MS);
  // Behind the cover: it is for the counsellor that we wait, and not for long.
  void goodbye().finally(() => {
    clearTimeout(timer);
    go();
  });
}

async function goodbye(): Promise<void> {
  try {
    await letGo();
  } catch {
    // Whatever is wrong with it, it does not hold anybody here.
  }
}

/** Nothing is left to be seen or heard, and nothing in this tab to be found. */
function vanish(to: string | null): void {
  document.documentElement.classList.add(COVERED);
  // Like a tab that is opening the other page.
  if (to !== null) document.title = URL.canParse(to) ? new URL(to).host : "";
  for (const element of document.querySelectorAll<HTMLMediaElement>("video, audio")) silence(element);
  if (document.fullscreenElement) document.exitFullscreen().catch(() => undefined);
  try {
    sessionStorage.clear();
  } catch {
    // No storage in this browser: nothing was kept.
  }
}

function silence(element: HTMLMediaElement): void {
  if (document.pictureInPictureElement === element) document.exitPictureInPicture().catch(() => undefined);
  const { srcObject } = element;
  if (srcObject instanceof MediaStream) for (const track of srcObject.getTracks()) track.stop();
  element.srcObject = null;
}

/** "Back" must not show the page again as it was: browsers keep whole pages for that. */
function forgetInCache(): void {
  addEventListener("pagehide", (event) => {
    if (!event.persisted) return;
    vanish(null);
    void goodbye();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.replace(leaving ? (exitLink()?.href ?? "about:blank") : location.pathname + location.search);
  });
}

/** A modal dialog makes everything outside it dead, the way out too: it moves in with the dialog. */
function keepInReach(): void {
  const nav = exitLink()?.parentElement ?? null;
  if (nav === null) return;
  const follow = (): void => {
    const top = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body;
    if (nav.parentElement !== top) top.append(nav);
  };
  new MutationObserver(follow).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["open"] });
}
