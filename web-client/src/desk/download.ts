// Gives a file that was made in this page to the person; nothing leaves the device.

/** Offers a file. */
export function offerFile(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser takes its time to begin.
  setTimeout(() => { URL.revokeObjectURL(url); }, 60_000);
}

/** A text file. */
export function textFile(type: "text/plain" | "text/csv" | "text/calendar" | "image/svg+xml" | "application/json", text: string): Blob {
  return new Blob([text], { type: `${type};charset=utf-8` });
}
