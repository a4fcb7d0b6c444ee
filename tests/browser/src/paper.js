// What a printer would get of a page: its words, and the number of sheets.

/** Prints as the browser would, without a printer (Chromium). */
export async function printed(page) {
  const session = await page.createCDPSession();
  await session.send("Emulation.setEmulatedMedia", { media: "print" });
  const words = await page.evaluate(() => document.body.innerText.trim());
  await session.send("Emulation.setEmulatedMedia", { media: "" });
  await session.detach();
  const file = Buffer.from(await page.pdf({ format: "A4" })).toString("latin1");
  return { words, sheets: file.match(/\/Type\s*\/Page\b/g)?.length ?? 0 };
}
