/**
 * A long text as blocks of some KB, each laid out by itself. A browser orders the characters of a whole
 * block at once where some run from right to left, in time that grows with its square: 300 KB in one block
 * freeze a page for 19 s, in these for milliseconds. It makes text nodes only.
 */
import { wholeEnd } from "../../events/visible.ts";
import { h } from "./dom.ts";

/** Characters of a block: it ends at a line end or a space, where there is one in its second half. */
const BLOCK = 2_048;

/** The text itself where it is short, else its blocks. */
export function textBlocks(text: string): (string | HTMLElement)[] {
  if (text.length <= BLOCK) return [text];
  const blocks: HTMLElement[] = [];
  for (let from = 0; from < text.length; ) {
    const to = endOf(text, from);
    blocks.push(h("div.block", { dir: "auto" }, text.slice(from, to)));
    from = to;
  }
  return blocks;
}

function endOf(text: string, from: number): number {
  const most = from + BLOCK;
  if (most >= text.length) return text.length;
  const least = from + BLOCK / 2;
  for (const end of ["\n", " "]) {
    const at = text.lastIndexOf(end, most - 1);
    if (at >= least) return at + 1;
  }
  return wholeEnd(text, most);
}
