/**
 * Marks what is searched inside nodes that others write, without touching them: the browser's own
 * highlights over ranges of text. Where a browser has none, rows still carry their marks.
 */
import { onAbort } from "../../abort.ts";
import type { Marker } from "../../filter/marker.ts";

const NAME = "sse-found";
const MAX_NODES = 3_000;
const MAX_CHARS = 500_000;

export class Highlights {
  #root: HTMLElement;
  #marker: Marker;
  #ranges: Range[] = [];
  #dirty = true;
  #key = "";

  constructor(root: HTMLElement, marker: Marker, signal: AbortSignal) {
    this.#root = root;
    this.#marker = marker;
    const changes = new MutationObserver(() => (this.#dirty = true));
    changes.observe(root, { childList: true, characterData: true, subtree: true });
    onAbort(signal, () => {
      changes.disconnect();
      this.#clear();
    });
  }

  /** `key`: changes with the search. Patterns are looked for elsewhere: draw again when they came. */
  draw(key: string): void {
    if (typeof Highlight === "undefined" || (!this.#dirty && key === this.#key)) return;
    this.#key = key;
    this.#clear();
    this.#dirty = false;
    if (!this.#marker.active) return;
    let chars = 0;
    const walker = document.createTreeWalker(this.#root, NodeFilter.SHOW_TEXT);
    for (let n = 0; n < MAX_NODES && chars < MAX_CHARS && walker.nextNode(); n++) {
      const node = walker.currentNode as Text;
      chars += node.data.length;
      const marks = this.#marker.find(node.data);
      for (let i = 0; i < marks.length; i += 2) {
        const range = new Range();
        range.setStart(node, marks[i]!);
        range.setEnd(node, marks[i + 1]!);
        this.#ranges.push(range);
      }
    }
    if (this.#ranges.length === 0) return;
    // One name for the page, as highlights have it; each view adds and removes only its own ranges.
    const all = CSS.highlights.get(NAME) ?? new Highlight();
    CSS.highlights.set(NAME, all);
    for (const range of this.#ranges) all.add(range);
  }

  #clear(): void {
    const all = typeof Highlight === "undefined" ? undefined : CSS.highlights.get(NAME);
    for (const range of this.#ranges) all?.delete(range);
    this.#ranges = [];
  }
}
