/**
 * The growing text beside the raw events: follows its end unless the reader scrolled up, keeps a
 * bounded part of it in the page, and writes only what is new. What the text is, events/text_deltas.ts decides;
 * here it is text nodes only, whatever the server sent.
 */
import { detect, Joined, type Piece, type Source } from "../../events/text_deltas.ts";
import { manyLines, wholeEnd } from "../../events/visible.ts";
import type { Cleared, Session } from "../../kernel/session.ts";
import { closeButton, h, show, text } from "../dom/dom.ts";
import { bytes, many } from "../dom/format.ts";
import { PathSelect } from "../panels/pathselect.ts";
import { copyButton } from "./copy.ts";

const SHOWN_CHARS = 256 * 1024;
const SLICE_MS = 6;
const SNIFF_MS = 250;
const SNIFF_ROWS = 8;

interface Block {
  node: HTMLElement;
  text: Text;
  version: number;
  /** characters of the piece that are in the node */
  written: number;
}

export class TextPane {
  readonly node: HTMLElement;
  /** Where the text is: chosen, or found in the data; null: there seems to be none. */
  source: Source | null = null;
  #session: Session;
  #more: () => void;
  #joined: Joined | null = null;
  #blocks = new Map<Piece, Block>();
  #path: PathSelect;
  #note = h("span.text-note");
  #body: HTMLElement = h("div.text-body", {
    tabindex: "0",
    role: "region",
    label: "Text so far",
    scroll: () => {
      this.#follows = this.#body.scrollTop + this.#body.clientHeight >= this.#body.scrollHeight - 8;
    },
  });
  #follows = true;
  #cleared: Cleared | null = null;
  #sniffed = { at: 0, rows: -1 };

  /** `more`: there is more to read, draw again. */
  constructor(session: Session, closed: () => void, more: () => void) {
    this.#session = session;
    this.#more = more;
    this.#path = new PathSelect(session, "Path of the text", "", "choose a path", (path) => {
      this.#use(path === "" ? null : { path, type: "" });
      more();
    });
    this.node = h(
      "section.text",
      { label: "Text", hidden: true },
      h(
        "div.text-head",
        h("span.detail-title", "Text"),
        this.#path.node,
        this.#note,
        h("span.fill"),
        copyButton("Copy text", () => this.#joined?.text ?? ""),
        closeButton("Close text", "Close text", closed),
      ),
      this.#body,
    );
  }

  get open(): boolean {
    return !this.node.hidden;
  }

  /** Shown or not; nothing is read before it is shown once. */
  toggle(open: boolean): void {
    show(this.node, open);
    this.#path.offer(this.source?.path ?? "");
    this.#follows = true;
  }

  draw(): void {
    if (!this.source) this.#sniff();
    if (this.#cleared !== this.#session.cleared) {
      this.#cleared = this.#session.cleared;
      this.#use(this.source);
    }
    if (this.open) this.#grow();
  }

  #use(source: Source | null): void {
    this.source = source;
    this.#joined = null;
    this.#blocks.clear();
    this.#body.replaceChildren();
    text(this.#note, "");
    if (source) this.#path.offer(source.path);
  }

  /** Looks at a few of the newest and oldest events, now and then: a text shows itself at once. */
  #sniff(): void {
    const { store } = this.#session;
    const now = performance.now();
    if (store.rows === this.#sniffed.rows || now - this.#sniffed.at < SNIFF_MS) return;
    this.#sniffed = { at: now, rows: store.rows };
    const { blocks } = store;
    const [newest, oldest] = [blocks.at(-1), blocks[0]];
    for (let i = 1; i <= SNIFF_ROWS && !this.source; i++) {
      const found =
        (newest && newest.rows >= i && detect(newest.data(newest.hi - i))) ||
        (oldest && oldest.rows >= i && detect(oldest.data(oldest.lo + i - 1)));
      if (found) this.#use(found);
    }
  }

  #grow(): void {
    if (!this.source) return;
    this.#joined ??= new Joined(this.source, this.#session.from);
    const joined = this.#joined;
    if (joined.work(this.#session.store, SLICE_MS)) this.#more();
    let chars = 0;
    let first = joined.pieces.length;
    while (first > 0 && (chars === 0 || chars + joined.pieces[first - 1]!.text.length <= SHOWN_CHARS))
      chars += joined.pieces[--first]!.text.length;
    const shown = joined.pieces.slice(first);
    const keep = new Set(shown);
    for (const [piece, block] of this.#blocks) {
      if (keep.has(piece)) continue;
      block.node.remove();
      this.#blocks.delete(piece);
    }
    let grew = false;
    let before: HTMLElement | null = null;
    for (const piece of shown) {
      const block: Block = this.#blocks.get(piece) ?? this.#block(piece, before);
      grew = this.#write(piece, block) || grew;
      before = block.node;
    }
    const left = joined.chars + joined.dropped - chars;
    const notes = [
      joined.chars === 0
        ? "no text yet"
        : left > 0
          ? `the last ${bytes(chars)} of ${bytes(chars + left)}`
          : "",
      joined.dropped > 0 ? `copy takes the last ${bytes(joined.chars)}` : "",
      joined.skipped > 0 ? `${many(joined.skipped, "event")} over 64 KiB left out` : "",
    ];
    text(this.#note, notes.filter(Boolean).join("; "));
    if (grew && this.#follows) this.#body.scrollTop = this.#body.scrollHeight;
  }

  #block(piece: Piece, before: HTMLElement | null): Block {
    const words = document.createTextNode("");
    const block = { node: h("div", { dir: "auto" }, words), text: words, version: -1, written: 0 };
    if (before) before.after(block.node);
    else this.#body.prepend(block.node);
    this.#blocks.set(piece, block);
    return block;
  }

  #write(piece: Piece, block: Block): boolean {
    // The other half of a character may come with the next event.
    const end = wholeEnd(piece.text);
    if (block.version !== piece.version) {
      block.version = piece.version;
      block.written = end;
      text(block.text, manyLines(piece.text.slice(0, end)));
      return true;
    }
    if (block.written === end) return false;
    block.text.appendData(manyLines(piece.text.slice(block.written, end)));
    block.written = end;
    return true;
  }
}
