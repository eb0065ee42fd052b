/**
 * JSON as lines that open and close: what is open reads like JSON laid out, letter for letter as it
 * came. Lines are made when their value is opened, some hundred at a time, side by side and never
 * inside each other, so neither size nor depth can overwhelm a browser.
 */

import { manyLines, oneName } from "../../events/visible.ts";
import { recognise } from "../../json/base64.ts";
import { Children, isContainer, root, type Value } from "../../json/jsonscan.ts";
import { childPath, keyOf } from "../../json/paths.ts";
import type { Columns } from "../../kernel/column_paths.ts";
import { attr, flag, focusOn, h, modified, ours } from "../dom/dom.ts";
import { bytes, count, cutAt } from "../dom/format.ts";
import { payloadView } from "./payload.ts";

const PAGE = 200;
/** How much opens by itself at first. */
const FIRST_LINES = 300;
const FIRST_MS = 20;
/** So few are opened also where the machine is busy: what is small looks the same each time. */
const FIRST_NODES = 20;
const MAX_INDENT = 40;
const LEAF_CHARS = 1_000;
const KEY_CHARS = 300;
const PAYLOAD_CHARS = 48;

interface Node {
  value: Value;
  depth: number;
  /** where it is; null where no path leads, and at the top */
  path: string | null;
  /** a comma behind it */
  comma: boolean;
  line: HTMLElement;
  toggle: HTMLButtonElement | null;
  /** the line that closes it, while it is open */
  end: HTMLElement | null;
}

export class Tree {
  readonly node: HTMLElement;
  #source: string;
  #columns: Columns;
  #menu: (path: string, at: HTMLElement) => void;
  #drawn = -1;
  #byToggle = new WeakMap<Element, Node>();
  #byLeaf = new Map<Element, string>();

  /** `menu`: of a value that has a path, at a node. */
  constructor(source: string, columns: Columns, menu: (path: string, at: HTMLElement) => void) {
    this.#source = source;
    this.#menu = menu;
    this.#columns = columns;
    this.node = h("div.tree", {
      click: (event: MouseEvent) => this.#clicked(event),
      keydown: (event: KeyboardEvent) => this.#key(event),
      contextmenu: (event: MouseEvent) => this.#openMenu(event),
    });
    const top = this.#make(root(source), 0, null, false);
    this.node.append(top.line);
    top.toggle?.setAttribute("tabindex", "0");
    const deadline = performance.now() + FIRST_MS;
    const queue = [top];
    for (let i = 0; i < queue.length && (i < FIRST_NODES || performance.now() < deadline); i++) {
      const node = queue[i]!;
      if (i > 0 && this.node.childElementCount + Math.min(node.value.count, PAGE) > FIRST_LINES) continue;
      queue.push(...this.#open(node).filter((child) => child.toggle));
    }
  }

  /** Says which leaves are columns. */
  draw(): void {
    if (this.#drawn === this.#columns.version) return;
    this.#drawn = this.#columns.version;
    for (const [leaf, path] of this.#byLeaf) this.#say(leaf, path);
  }

  #say(leaf: Element, path: string): void {
    const on = this.#columns.has(path);
    attr(leaf, "aria-pressed", on);
    attr(leaf, "title", `${on ? "Remove the column" : "Show as a column"} ${oneName(path)}`);
    flag(leaf.closest(".sse-line")!, "data-column", on);
  }

  #make(value: Value, depth: number, path: string | null, comma: boolean): Node {
    const inside = isContainer(value) && value.count > 0;
    const toggle = inside ? h("button.twist", { tabindex: "-1" }) : null;
    const line = lineAt(depth);
    const node: Node = { value, depth, path, comma, line, toggle, end: null };
    if (toggle) this.#byToggle.set(toggle, node);
    this.#write(node);
    return node;
  }

  /** The words of a line, for a value that is closed or has no inside. */
  #write(node: Node): void {
    const { value, line, toggle, comma } = node;
    const parts: (string | globalThis.Node)[] = [indent(node.depth)];
    const key = value.key === null ? null : cutAt(value.key, KEY_CHARS);
    if (toggle) parts.push(toggle);
    const isLeaf = !isContainer(value) && node.path !== null;
    const leaf = isLeaf
      ? h("button.json-key.leaf", { tabindex: "-1" }, key === null ? "" : oneName(key))
      : null;
    if (leaf && key === null) attr(leaf, "aria-label", oneName(node.path!));
    if (leaf) parts.push(leaf, key === null ? "" : ": ");
    else if (key !== null) parts.push(h("span.json-key", oneName(key)), ": ");
    const [open, close] = value.shape === "object" ? ["{", "}"] : ["[", "]"];
    if (toggle) {
      attr(toggle, "aria-expanded", node.end !== null);
      attr(
        toggle,
        "aria-label",
        `${key === null ? "" : `${key.slice(0, 80)}: `}${value.shape}, ${count(value.count)}`,
      );
      if (node.end) parts.push(open);
      else
        parts.push(`${open}\u2026${close}`, comma ? "," : "", h("span.json-count", ` ${count(value.count)}`));
    } else if (isContainer(value)) parts.push(open + close, comma ? "," : "");
    else parts.push(...this.#leaf(value), comma ? "," : "");
    if (leaf) parts.push(h("button.cell-more", { tabindex: "-1", label: "Menu of this value" }));
    line.replaceChildren(...parts);
    if (!leaf) return;
    this.#byLeaf.set(leaf, node.path!);
    this.#say(leaf, node.path!);
  }

  #leaf({ shape, from, to }: Value): (string | globalThis.Node)[] {
    const payload =
      shape === "string" ? recognise(this.#source.slice(from + 1, to - 1).replaceAll("\\/", "/")) : null;
    const limit = payload ? PAYLOAD_CHARS : LEAF_CHARS;
    const whole = to - from <= limit * 1.2;
    const words = h(
      "span",
      { class: `sse-json-value sse-json-${shape}` },
      manyLines(this.#source.slice(from, whole ? to : from + limit)),
    );
    const out: (string | globalThis.Node)[] = [words];
    if (!whole) {
      const all: HTMLElement = h(
        "button.link",
        {
          click: () => {
            words.textContent = manyLines(this.#source.slice(from, to));
            all.remove();
          },
        },
        `\u2026 ${bytes(to - from - limit)} more`,
      );
      out.push(all);
    }
    if (payload) {
      const { button, place } = payloadView(payload);
      out.push(" ", button);
      queueMicrotask(() => words.parentElement?.append(place));
    }
    return out;
  }

  #open(node: Node): Node[] {
    const { value, depth, path } = node;
    const end = lineAt(depth, value.shape === "object" ? "}" : "]", node.comma ? "," : "");
    node.end = end;
    this.#write(node);
    node.line.after(end);
    const children = new Children(this.#source, value);
    let listed = 0;
    const page = (): Node[] => {
      const values = children.next(PAGE);
      listed += values.length;
      const isList = value.shape === "array";
      const from = listed - values.length;
      const nodes = values.map((child, i) => {
        // A list at the top has no paths: only objects have columns.
        const at =
          isList && path === null
            ? null
            : childPath(path, isList ? String(from + i) : keyOf(child.key ?? ""));
        return this.#make(
          child,
          depth + 1,
          path === null && depth > 0 ? null : at,
          !(children.done && i === values.length - 1),
        );
      });
      end.before(...nodes.map((child) => child.line));
      if (!children.done) end.before(this.#moreLine(depth + 1, value.count - listed, page));
      return nodes;
    };
    return page();
  }

  #moreLine(depth: number, rest: number, page: () => unknown): HTMLElement {
    const line: HTMLElement = lineAt(
      depth,
      h(
        "button.link",
        {
          click: () => {
            line.remove();
            page();
          },
        },
        `${count(Math.min(rest, PAGE))} of ${count(rest)} more`,
      ),
    );
    return line;
  }

  #close(node: Node): void {
    while (node.line.nextSibling && node.line.nextSibling !== node.end) node.line.nextSibling.remove();
    node.end?.remove();
    node.end = null;
    this.#write(node);
  }

  #toggle(node: Node, open: boolean): void {
    if (open === (node.end !== null)) return;
    if (open) this.#open(node);
    else this.#close(node);
    focusOn(node.toggle);
  }

  /** Of the value on the line of an event's target; false where there is none. */
  #openMenu(event: Event): boolean {
    const line = (event.target as Element).closest(".sse-line");
    const leaf = line?.querySelector<HTMLElement>(":scope > .sse-leaf");
    const path = leaf && this.#byLeaf.get(leaf);
    if (!leaf || path === undefined || path === null || (event as MouseEvent).shiftKey) return false;
    ours(event);
    this.#menu(path, leaf);
    return true;
  }

  #clicked(event: MouseEvent): void {
    if ((event.target as Element).matches(".sse-cell-more")) return void this.#openMenu(event);
    const node = this.#byToggle.get(event.target as Element);
    if (!node) return this.#clickedLeaf(event.target as Element);
    this.#enter(node.toggle!);
    this.#toggle(node, node.end === null);
  }

  /** Its key or its value; marking a value with the mouse is no click. */
  #clickedLeaf(target: Element): void {
    const leaf = target
      .closest("button, .sse-json-value")
      ?.parentElement?.querySelector(":scope > .sse-leaf");
    const path = leaf && this.#byLeaf.get(leaf);
    if (
      !leaf ||
      path === undefined ||
      (target.closest("button") ?? leaf) !== leaf ||
      document.getSelection()?.type === "Range"
    )
      return;
    this.#enter(leaf as HTMLButtonElement);
    this.#columns.toggle(path!);
    this.draw();
  }

  /** Arrows walk over what can be opened, as in a tree anywhere. */
  #key(event: KeyboardEvent): void {
    const target = event.target as HTMLButtonElement;
    const toggles = [...this.node.querySelectorAll<HTMLButtonElement>(".sse-twist, .sse-leaf")];
    const at = toggles.indexOf(target);
    if (at < 0 || modified(event)) return;
    const node = this.#byToggle.get(target);
    if (event.key === "m") return void this.#openMenu(event);
    if (event.key === "ArrowDown") this.#enter(toggles[Math.min(at + 1, toggles.length - 1)]!);
    else if (event.key === "ArrowUp") this.#enter(toggles[Math.max(at - 1, 0)]!);
    else if (event.key === "ArrowRight" && node) this.#toggle(node, true);
    else if (event.key === "ArrowLeft" && node) this.#toggle(node, false);
    else return;
    ours(event);
  }

  /** One stop for the tab key, wherever one is. */
  #enter(toggle: HTMLButtonElement): void {
    for (const other of this.node.querySelectorAll(".sse-tree [tabindex='0']")) attr(other, "tabindex", "-1");
    attr(toggle, "tabindex", "0");
    toggle.focus();
  }
}

function lineAt(depth: number, ...parts: (string | globalThis.Node)[]): HTMLElement {
  const line = h("div.line", indent(depth), ...parts);
  line.style.setProperty("--sse-depth", String(Math.min(depth, MAX_INDENT)));
  return line;
}
function indent(depth: number): string {
  return "  ".repeat(Math.min(depth, MAX_INDENT));
}
