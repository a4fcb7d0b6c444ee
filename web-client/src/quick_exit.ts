// The quick exit: the link is in index.html and works without us.  With us it speaks the
// person's language and leaves no way back in this tab.

let leaving = false;

/** Whether the person is on the way out, so that nothing may hold them. */
export function isLeaving(): boolean {
  return leaving;
}

/** Shows or hides the link, with its word. */
export function quickExit(word: string, isShown: boolean): void {
  const link = document.getElementById("quick-exit");
  if (!(link instanceof HTMLAnchorElement)) return;
  link.hidden = !isShown;
  link.textContent = word;
  link.onclick = (event) => {
    event.preventDefault();
    leaving = true;
    location.replace(link.href);
  };
}
