/**
 * The columns of one log: which are drawn, how wide each is, and the grid they make. Widths grow with
 * what is seen until a person sets them, and never shrink by themselves: nothing jumps. It makes no
 * nodes and reads no event.
 */
import type { Columns } from "../../kernel/columns.ts";

/** More are still columns of df; here each would be a hundred nodes. */
export const MAX_DRAWN = 50;
export const HEADING_HEIGHT = 24;
const MIN_CHARS = 6;
const MAX_CHARS = 28;
const WIDEST = 200;
/** Below this the ids go, as they do without columns. */
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
  #columns: Columns;
  #widths = new Map<string, Width>();
  #own = 0;
  #fits = 0;
  #drawn: readonly string[] = [];
  #drawnFor = -1;
  #narrow = false;
  #tight = false;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Changes with the columns, not with their widths. */
  get arrangement(): string {
    return `${this.#columns.version} ${this.#own} ${this.hasId}`;
  }
  /** What rows are written for: once more where a column is to be measured anew. */
  get version(): string {
    return `${this.arrangement} ${this.#fits}`;
  }
  get paths(): readonly string[] {
    if (this.#drawnFor !== this.#columns.version) {
      this.#drawnFor = this.#columns.version;
      this.#drawn = this.#columns.paths.slice(0, MAX_DRAWN);
    }
    return this.#drawn;
  }
  get notDrawn(): number {
    return this.#columns.paths.length - this.paths.length;
  }
  /** A plain log has no heading, and its columns are the style sheet's business. */
  get plain(): boolean {
    return this.paths.length === 0 && this.shows.id && this.shows.data;
  }
  get heading(): number {
    return this.paths.length > 0 ? HEADING_HEIGHT : 0;
  }
  get hasId(): boolean {
    return this.shows.id && !this.#narrow && !this.#tight;
  }

  show(own: "id" | "data", on: boolean): void {
    this.shows[own] = on;
    this.#own++;
  }

  /** A cell of this column holds so many characters. */
  saw(path: string, chars: number, isNumber: boolean): void {
    const width = this.#of(path);
    if (isNumber) width.numbers++;
    else width.others++;
    if (!width.set) width.chars = Math.max(width.chars, Math.min(chars + 1, MAX_CHARS));
  }
  isNumeric(path: string): boolean {
    const { numbers, others } = this.#of(path);
    return numbers > others;
  }

  /** By a person; null: what is seen decides again. */
  resize(path: string, chars: number | null): void {
    const width = this.#of(path);
    if (chars === null) this.#fits++;
    width.set = chars !== null;
    width.chars = Math.max(4, Math.min(WIDEST, Math.round(chars ?? this.#least(path))));
  }
  /** What a person set. */
  setWidth(path: string): number | null {
    const { set, chars } = this.#of(path);
    return set ? chars : null;
  }

  /** The tracks of a row, and how wide it is at the least, for a log of this width. */
  layout(px: number): { template: string; least: string } {
    this.#narrow = px > 0 && px < NARROW;
    const tracks: [least: number, most: number][] = [[12, 12], this.#narrow ? [6, 8] : [8, 13]];
    for (const path of this.paths) {
      const { chars, set } = this.#of(path);
      // Half a number is another number: those never give way.
      tracks.push([set || this.isNumeric(path) ? chars : Math.min(chars, this.#floor(path)), chars]);
    }
    if (this.shows.data) tracks.push([14, 24]);
    const sum = (which: 0 | 1): number => tracks.reduce((n, track) => n + track[which], 0);
    const sides = (): number => (tracks.length - 1) * GAP + SIDES;
    this.#tight = this.paths.length > 0 && (sum(1) + 11) * CHAR_PX + sides() > px;
    if (this.hasId) tracks.splice(2, 0, [4, 11]);
    const words = tracks.map(([least, most]) =>
      least === most ? `${most}ch` : `minmax(${least}ch,${most}ch)`,
    );
    if (this.shows.data) words[words.length - 1] = "minmax(14ch,1fr)";
    else words.push("minmax(0,1fr)");
    return { template: words.join(" "), least: `calc(${sum(0)}ch + ${sides()}px)` };
  }

  #least(path: string): number {
    return Math.max(MIN_CHARS, Math.min(path.length + 1, MAX_CHARS / 2));
  }
  /** The last part of its name stays readable. */
  #floor(path: string): number {
    return Math.max(MIN_CHARS, Math.min(path.length - path.lastIndexOf(".") + 1, MAX_CHARS / 2));
  }
  #of(path: string): Width {
    let width = this.#widths.get(path);
    if (!width) {
      width = { chars: this.#least(path), set: false, numbers: 0, others: 0 };
      this.#widths.set(path, width);
    }
    return width;
  }
}
