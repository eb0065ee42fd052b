// One list of columns for the page and for Python: who wins, and when it counts as waiting.
import { describe, expect, it } from "vitest";
import { Columns, type SyncedColumns } from "./column_paths.ts";

/** The kernel's side, as `SSEStream._columns_moved`, answering when told to. */
class Kernel {
  paths: string[] = [];
  rev = 0;
  written: { paths: string[]; rev: number; n: number }[] = [];
  columns = new Columns((state) => this.written.push(state));

  answer(): void {
    const wire = this.written.shift()!;
    if (wire.rev === this.rev) this.paths = wire.paths;
    this.tell({ heard: ["me", wire.n] });
  }
  write(paths: string[]): void {
    this.paths = paths;
    this.rev++;
    this.tell({});
  }
  tell(more: Partial<SyncedColumns>): void {
    this.columns.take({ paths: this.paths, rev: this.rev, by: "", ...more }, "me");
  }
}
const later = Date.now() + 60_000;

describe("Columns", () => {
  it("shows a change at once and waits for the kernel", () => {
    const kernel = new Kernel();
    kernel.columns.toggle("a");
    expect([kernel.columns.paths, kernel.columns.waiting(later), kernel.columns.waiting(0)]).toEqual([
      ["a"],
      true,
      false,
    ]);
    kernel.answer();
    expect([kernel.columns.paths, kernel.columns.waiting(later), kernel.paths]).toEqual([
      ["a"],
      false,
      ["a"],
    ]);
  });
  it("an answer to an earlier change does not undo a later one", () => {
    const kernel = new Kernel();
    kernel.columns.toggle("a");
    kernel.columns.toggle("b");
    kernel.answer();
    expect([kernel.columns.paths, kernel.columns.waiting(later)]).toEqual([["a", "b"], true]);
    kernel.answer();
    expect([kernel.columns.paths, kernel.columns.waiting(later)]).toEqual([["a", "b"], false]);
  });
  it("Python's write goes before what the page wrote earlier", () => {
    const kernel = new Kernel();
    kernel.columns.toggle("mine");
    kernel.write(["theirs"]);
    expect([kernel.columns.paths, kernel.columns.waiting(later)]).toEqual([["theirs"], false]);
    kernel.answer();
    expect([kernel.columns.paths, kernel.paths]).toEqual([["theirs"], ["theirs"]]);
    kernel.columns.toggle("b");
    kernel.answer();
    expect(kernel.paths).toEqual(["theirs", "b"]);
  });
  it("another page's change is taken, unless one of this page is on its way", () => {
    const kernel = new Kernel();
    kernel.paths = ["other"];
    kernel.tell({ heard: ["another", 1] });
    expect(kernel.columns.paths).toEqual(["other"]);
    kernel.columns.set(["mine"]);
    kernel.tell({ heard: ["another", 2] });
    expect(kernel.columns.paths).toEqual(["mine"]);
    kernel.answer();
    expect([kernel.columns.paths, kernel.paths]).toEqual([["mine"], ["mine"]]);
  });
  it("moves, and stays where it cannot", () => {
    const kernel = new Kernel();
    kernel.columns.set(["a", "b", "c"]);
    kernel.columns.move("b", -1);
    kernel.columns.move("b", -1);
    kernel.columns.move("a", 1);
    kernel.columns.move("nope", 1);
    expect(kernel.columns.paths).toEqual(["b", "c", "a"]);
  });
});
