// The quick exit: the link is in index.html and works without us.  With us it speaks the
// person's language, and leaves no way back in this tab.
//
// The next page may take seconds to come.  Until then nothing of this one may be seen or heard:
// it is emptied first, and then left.

let leaving = false;

/** Whether the person is on the way out, so that nothing may hold them. */
export function isLeaving(): boolean {
  return leaving;
}

/** Nothing is left to be seen, and nothing in this tab to be found. */
function vanish(): void {
  document.documentElement.hidden = true;
  document.title = "";
  for (const element of document.querySelectorAll<HTMLMediaElement>("video, audio")) element.srcObject = null;
  try {
    sessionStorage.clear();
  } catch {
    // No storage in this browser: nothing was kept.
  }
}

/** Shows or hides the link, with its word.  `letGo` ends what still listens or plays. */
export function quickExit(word: string, isShown: boolean, letGo: () => void = () => undefined): void {
  const link = document.getElementById("quick-exit");
  if (!(link instanceof HTMLAnchorElement)) return;
  link.hidden = !isShown;
  link.textContent = word;
  link.onclick = (event) => {
    event.preventDefault();
    leaving = true;
    vanish();
    try {
      letGo();
    } finally {
      location.replace(link.href);
    }
  };
}
