/**
 * The text that grows over many events: finds the path of its pieces, as language models send them,
 * and joins the strings there in the order of `seq`, each event read once, in slices. It mirrors
 * `JoinedText` of `sse_widget/tables/text_deltas.py` in what it reads; it holds text only, and draws nothing.
 */
import { mayHave, needleOf, parsed, valueAt } from "../json/paths.ts";
import type { Block } from "./block.ts";
import { Ranges } from "./ranges.ts";
import type { Store } from "./store.ts";
import { wholeEnd } from "./visible.ts";

export interface Source {
  /** dotted path of the string in the JSON payload */
  path: string;
  /** what the payload's own `type` must end with; "" for any */
  type: string;
}

/** What the usual services send; `also` must be there too, where the path alone says little. */
const USUAL: (Source & { also?: string })[] = [
  { path: "choices.0.delta.content", type: "" },
  { path: "choices.0.text", type: "" },
  { path: "delta.text", type: "" },
  { path: "candidates.0.content.parts.0.text", type: "" },
  { path: "delta", type: "output_text.delta" },
  { path: "message.content", type: "", also: "message.role" },
  { path: "response", type: "", also: "done" },
];
const HINT = /"(?:content|text|delta|response)"/;
/** Longer payloads are no pieces of a text; looking into them would cost. */
const SNIFF_CHARS = 16_384;

/** An object begins early, or there is none. */
function payloadIn(data: string): unknown {
  return data.slice(0, 64).includes("{") ? parsed(data) : undefined;
}

function stringAt(payload: unknown, { path, type }: Source): string | null {
  const value = valueAt(payload, path);
  if (typeof value !== "string") return null;
  return type === "" || String(valueAt(payload, "type")).endsWith(type) ? value : null;
}

/** Where the text is in a payload like this one; null where it looks like none. */
export function detect(data: string): Source | null {
  if (data.length > SNIFF_CHARS || !HINT.test(data)) return null;
  const payload = payloadIn(data);
  if (payload === undefined) return null;
  const found = USUAL.find(
    (usual) =>
      stringAt(payload, usual) !== null && (!usual.also || valueAt(payload, usual.also) !== undefined),
  );
  return found ? { path: found.path, type: found.type } : null;
}

/** A run of the text: what the events [from, to) said; `version` rises when it did not only grow. */
export interface Piece {
  from: number;
  to: number;
  text: string;
  version: number;
}

/** A piece this long ends at its next line end, and at the second number whatever comes: a page lays a
 * short piece out again, not all; and the time that text from right to left takes grows with its square. */
const PIECE_CHARS = 2_048;
const PIECE_MAX = 4_096;
const SLICE_ROWS = 256;

/** Where a piece of this text ends. */
function cutOf(text: string): number {
  const line = text.indexOf("\n", PIECE_CHARS);
  if (line >= 0 && line < PIECE_MAX) return line + 1;
  if (text.length <= PIECE_MAX) return text.length;
  const space = text.lastIndexOf(" ", PIECE_MAX - 1);
  return space >= PIECE_CHARS ? space + 1 : wholeEnd(text, PIECE_MAX);
}

export class Joined {
  readonly source: Source;
  readonly pieces: Piece[] = [];
  /** characters held, and characters let go at the beginning */
  chars = 0;
  dropped = 0;
  /** events of which only a part is on this page: their strings are not read */
  skipped = 0;
  #max: number;
  #read = new Ranges();
  #key: string;

  /** `from`: the first event whose strings count. */
  constructor(source: Source, from = 0, max = 4 * 2 ** 20) {
    if (from > 0) this.#read.add(0, from);
    this.source = source;
    this.#max = max;
    this.#key = needleOf(source.path);
  }

  /** Reads events for about `budget` ms; true where more are waiting. */
  work(store: Store, budget: number): boolean {
    const deadline = performance.now() + budget;
    return store.blocks.some(
      (block) =>
        this.#read.read(block.start, block.end, SLICE_ROWS, deadline, false, (from, to) =>
          this.#take(block, from, to),
        ) > 0,
    );
  }

  get text(): string {
    return this.pieces.map((piece) => piece.text).join("");
  }

  #take(block: Block, from: number, to: number): void {
    let text = "";
    for (let row = from - block.first; row < to - block.first; row++) {
      if (block.isCut(row)) {
        this.skipped++;
        continue;
      }
      const data = block.data(row);
      if (mayHave(data, this.#key)) text += stringAt(payloadIn(data), this.source) ?? "";
    }
    this.#put(from, to, text);
  }

  #put(from: number, to: number, text: string): void {
    const { pieces } = this;
    let at = pieces.length;
    while (at > 0 && pieces[at - 1]!.from > from) at--;
    const before = pieces[at - 1];
    if (before?.to === from) {
      before.to = to;
      before.text += text;
      at--;
    } else {
      pieces.splice(at, 0, { from, to, text, version: 0 });
    }
    this.chars += text.length;
    this.#split(at);
    this.#close(pieces.findLastIndex((piece) => piece.to === to));
    while (this.chars > this.#max && pieces.length > 1) {
      const gone = pieces.shift()!.text.length;
      this.chars -= gone;
      this.dropped += gone;
    }
  }

  /** Long pieces end at a line end, so that each is a block of its own on the page. */
  #split(at: number): void {
    for (let piece = this.pieces[at]!; piece.text.length > PIECE_CHARS; piece = this.pieces[++at]!) {
      const cut = cutOf(piece.text);
      if (cut >= piece.text.length) return;
      // Both parts come from the same events: the range goes with the last of them.
      this.pieces.splice(at + 1, 0, {
        from: piece.to,
        to: piece.to,
        text: piece.text.slice(cut),
        version: 0,
      });
      piece.text = piece.text.slice(0, cut);
      piece.version++;
    }
  }

  /** Earlier events filled the hole before this piece's successor: a line that was torn is one again. */
  #close(at: number): void {
    for (;;) {
      const [piece, next] = [this.pieces[at], this.pieces[at + 1]];
      if (!piece || !next || piece.to !== next.from || piece.text.endsWith("\n")) return;
      if (piece.text.length >= PIECE_MAX) return; // a line as long as that stays torn
      const line = next.text.indexOf("\n") + 1 || next.text.length;
      if (piece.text.length + line > 2 * PIECE_MAX) return;
      piece.text += next.text.slice(0, line);
      next.text = next.text.slice(line);
      next.version++;
      if (next.text !== "") return;
      piece.to = next.to;
      this.pieces.splice(at + 1, 1);
    }
  }
}
