import { describe, expect, it } from "vitest";

import { Drawer } from "./drawer";
import type { RecordWords, SessionRecord } from "./records";
import { allRecords, byTitle, csvCell, keepRecord, recordsAsCsv, recordsAsText, wipeRecord } from "./records";
import { memoryShelf } from "./shelf";

const words: RecordWords = {
  title: "Title",
  stage: "Stage",
  date: "Date",
  minutes: "Minutes",
  task: "Task",
  next: "Next",
  stages: { intake: "Intake", assessment: "Assessment", plan: "Plan", intervention: "Intervention", evaluation: "Evaluation", closing: "Closing" },
  when: (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16),
};
const record = (id: string, change: Partial<SessionRecord> = {}): SessionRecord => ({ id, room: "r", title: "Tuesday", stage: "intake", at: 1_800_000_000, minutes: 50, task: "send the form", next_at: null, ...change });

describe("records", () => {
  it("are kept sealed, the newest first, until they are wiped", async () => {
    const shelf = memoryShelf();
    const drawer = new Drawer(shelf, "ana");
    await keepRecord(drawer, record("a"));
    await keepRecord(drawer, record("b", { at: 1_800_600_000, stage: null }));
    await keepRecord(drawer, record("a", { task: "changed" }));

    expect((await allRecords(drawer)).map(({ id, task }) => [id, task])).toEqual([["b", "send the form"], ["a", "changed"]]);
    const raw = JSON.stringify(await Promise.all((await shelf.names("sealed/")).map((name) => shelf.get(name))));
    expect(raw).not.toContain("Tuesday");

    await wipeRecord(drawer, "b");
    expect(await allRecords(drawer)).toHaveLength(1);
    await drawer.wipe("record/");
    expect(await allRecords(drawer)).toEqual([]);
  });

  it("that cannot be read are left out", async () => {
    const drawer = new Drawer(memoryShelf(), "ana");
    await drawer.write("record/x", { v: 2, id: "x" });
    await drawer.write("record/y", "text");
    await keepRecord(drawer, { ...record("z"), stage: "nonsense" as "intake" });
    expect((await allRecords(drawer)).map(({ id, stage }) => [id, stage])).toEqual([["z", null]]);
  });

  it("are listed by title", () => {
    const groups = byTitle([record("a"), record("b", { title: "سمر" }), record("c")]);
    expect(groups.map(({ title, records }) => [title, records.length])).toEqual([["Tuesday", 2], ["سمر", 1]]);
  });
});

describe("written for other programs", () => {
  it("they are text for people, without what was not said", () => {
    expect(recordsAsText([record("a", { next_at: 1_800_604_800 }), record("b", { stage: null, task: "" })], words)).toBe(
      "Title: Tuesday\r\nStage: Intake\r\nDate: 2027-01-15T08:00\r\nMinutes: 50\r\nTask: send the form\r\nNext: 2027-01-22T08:00\r\n\r\nTitle: Tuesday\r\nDate: 2027-01-15T08:00\r\nMinutes: 50\r\n",
    );
  });

  it("they are a table that reads back", () => {
    const csv = recordsAsCsv([record("a", { title: 'say "hello", twice', task: "one\ntwo" })], words);
    expect(csv).toBe('\ufeff"Title","Stage","Date","Minutes","Task","Next"\r\n"say ""hello"", twice","Intake","2027-01-15T08:00","50","one\ntwo",""\r\n');
  });

  it.each([
    ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
    ["+1", `"'+1"`],
    ["-1+2", `"'-1+2"`],
    ["@SUM(A1)", `"'@SUM(A1)"`],
    ["  =1", `"'  =1"`],
    ["\t=1", `"'\t=1"`],
    ["\r=1", `"'\r=1"`],
    ["＝1", `"'＝1"`],
    ["|cmd", `"'|cmd"`],
    ["a=1", `"a=1"`],
    ["سمر", `"سمر"`],
    ["", `""`],
  ])("the cell %j is no formula", (text, cell) => {
    expect(csvCell(text)).toBe(cell);
  });
});
