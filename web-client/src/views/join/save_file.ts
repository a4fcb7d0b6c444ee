// A text the person takes along as a file; nothing of it goes anywhere else.

/** Has the browser save it. */
export function saveFile(name: string, text: string, type = "text/plain"): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has its own hold on it by the next turn.
  setTimeout(() => { URL.revokeObjectURL(url); });
}
