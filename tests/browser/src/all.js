// Runs every test in one process, so that they share what is slow to start (company.js).
import { readdirSync } from "node:fs";

for (const name of readdirSync(import.meta.dirname).sort()) {
  if (name.endsWith(".test.js")) await import(`./${name}`);
}
