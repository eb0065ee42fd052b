/**
 * The columns of one log: which are drawn, how wide each is, and the grid they make. Widths grow with
 * what is seen until a person sets them, and never shrink by themselves: nothing jumps. It makes no
 * nodes and reads no event.
 */
import type { Columns } from "../../kernel/column_paths.ts";

/** More are still columns of df; here each would be a hundred nodes. */
export const MAX_DRAWN = 50;
export const HEADING_HEIGHT = 24;
/** Our own columns, under names that no path has. */
export const TIME = "\u0000time";
export const TYPE = "\u0000type";
export const ID = "\u0000id";
export const DATA = "\u0000data";
const MIN_CHARS = 6;
const MAX_CHARS = 28;
const WIDEST = 200;
/** What our own columns have before anything is seen, and at the most by themselves. */
const OWN = new Map([
  [TIME, [12, 23]],
  [TYPE, [8, 28]],
  [ID, [4, 16]],
]);
/** Below this the ids go. */
const NARROW = 560;
/** About what a character takes: only to say when it gets tight. */
const CHAR_PX = 7.3;
const GAP = 16;
const SIDES = 20;

interface Width {
  chars: number;
  set: boolean;
  numbers: number;
  others: number;
}

export class Grid {
  /** Our own columns that can be left out. */
  readonly shows = { id: true, data: true };
  /** Paths that are shown in the place of the columns, the data and the id. */
  lead: readonly string[] | null = null;
  /** Over the times, and more words about them. */
  time = { name: "time", title: "" };
  #columns: Columns;
  #widths = new Map<string, Width>();
  #own = 0;
  #fits = 0;
  #drawn: readonly string[] = [];
  #drawnFor = -1;
  #ids = false;
  #narrow = false;
  #tight = false;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Changes with the columns, not with their widths. */
  get arrangement(): string {
    return `${this.#columns.version} ${this.#own} ${this.hasId} ${this.time.name} ${this.lead}`;
  }
  /** What rows are written for: once more where a column is to be measured anew. */
  get version(): string {
    return `${this.arrangement} ${this.#fits}`;
  }
  get paths(): readonly string[] {
    if (this.lead) return this.lead;
    if (this.#drawnFor !== this.#columns.version) {
      this.#drawnFor = this.#columns.version;
      this.#drawn = this.#columns.paths.slice(0, MAX_DRAWN);
    }
    return this.#drawn;
  }
  /** All that a row has, in order. */
  get columns(): string[] {
    const own = (column: string, on: boolean): string[] => (on ? [column] : []);
    return [TIME, TYPE, ...own(ID, this.hasId), ...this.paths, ...own(DATA, this.hasData)];
  }
  get notDrawn(): number {
    return this.lead ? 0 : this.#columns.paths.length - this.paths.length;
  }
  /** A stream without ids has no column for them. */
  get hasId(): boolean {
    return this.shows.id && !this.lead && this.#ids && !this.#narrow && !this.#tight;
  }

  get hasData(): boolean {
    return this.shows.data && !this.lead;
  }

  show(own: "id" | "data", on: boolean): void {
    this.shows[own] = on;
    this.#own++;
  }

  /** A cell of this column holds so many characters. */
  saw(column: string, chars: number, isNumber = false): void {
    const width = this.#of(column);
    if (isNumber) width.numbers++;
    else width.others++;
    const most = OWN.get(column)?.[1] ?? MAX_CHARS;
    // The time has digits only: it needs no room for letters that are wider.
    if (!width.set) width.chars = Math.max(width.chars, Math.min(column === TIME ? chars : chars + 1, most));
    if (column === ID) this.#ids ||= chars > 0;
  }
  isNumeric(column: string): boolean {
    const { numbers, others } = this.#of(column);
    return numbers > others;
  }

  /** By a person; null: what is seen decides again. */
  resize(column: string, chars: number | null): void {
    const width = this.#of(column);
    if (chars === null) this.#fits++;
    width.set = chars !== null;
    width.chars = Math.max(4, Math.min(WIDEST, Math.round(chars ?? this.#least(column))));
  }
  chars(column: string): number {
    return this.#of(column).chars;
  }
  /** What a person set. */
  setWidth(column: string): number | null {
    const { set, chars } = this.#of(column);
    return set ? chars : null;
  }

  /** The tracks of a row, and how wide it is at the least, for a log of this width. */
  layout(px: number): { template: string; least: string } {
    this.#narrow = px > 0 && px < NARROW;
    const own = (column: string, least: number): [number, number] => {
      const { chars, set } = this.#of(column);
      return [set ? chars : Math.min(chars, least), chars];
    };
    const tracks: [least: number, most: number][] = [own(TIME, 23), own(TYPE, this.#narrow ? 6 : 8)];
    for (const path of this.paths) {
      const { chars, set } = this.#of(path);
      // Half a number is another number: those never give way.
      tracks.push([set || this.isNumeric(path) ? chars : Math.min(chars, this.#floor(path)), chars]);
    }
    if (this.hasData) tracks.push(this.paths.length > 0 ? [14, 24] : [6, 6]);
    const id = own(ID, 4);
    const sum = (which: 0 | 1): number => tracks.reduce((n, track) => n + track[which], 0);
    const sides = (): number => (tracks.length - 1) * GAP + SIDES;
    this.#tight = this.paths.length > 0 && (sum(1) + id[1]) * CHAR_PX + sides() > px;
    if (this.hasId) tracks.splice(2, 0, id);
    const words = tracks.map(([least, most]) =>
      least === most ? `${most}ch` : `minmax(${least}ch,${most}ch)`,
    );
    if (this.hasData) words[words.length - 1] = `minmax(${tracks.at(-1)![0]}ch,1fr)`;
    else words.push("minmax(0,1fr)");
    return { template: words.join(" "), least: `calc(${sum(0)}ch + ${sides()}px)` };
  }

  #least(column: string): number {
    return OWN.get(column)?.[0] ?? Math.max(MIN_CHARS, Math.min(column.length + 1, MAX_CHARS / 2));
  }
  /** The last part of its name stays readable. */
  #floor(path: string): number {
    return Math.max(MIN_CHARS, Math.min(path.length - path.lastIndexOf(".") + 1, MAX_CHARS / 2));
  }
  #of(column: string): Width {
    let width = this.#widths.get(column);
    if (!width) {
      width = { chars: this.#least(column), set: false, numbers: 0, others: 0 };
      this.#widths.set(column, width);
    }
    return width;
  }
}
