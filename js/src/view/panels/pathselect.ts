/**
 * A list to choose a path from: those that the newest events have words at, beside the columns and the one
 * that is chosen. It looks into a few events when it is opened; what is done with a path is its owner's.
 */
import { Discovery, type Found } from "../../json/paths.ts";
import type { Session } from "../../kernel/session.ts";
import { h } from "../dom/dom.ts";
import { brief } from "../dom/format.ts";

const SAMPLED = 100;
const OPTIONS = 60;
const NAME_CHARS = 40;

/** The paths of the newest events. */
export function newestPaths({ store }: Session): Found[] {
  const discovery = new Discovery();
  for (let seq = store.end - SAMPLED; seq < store.end; seq++) {
    const place = store.find(seq);
    if (place) discovery.add(place.block.data(place.row), place.block.isCut(place.row));
  }
  return [...discovery.found.values()];
}

export class PathSelect {
  readonly node: HTMLSelectElement;
  #session: Session;
  #word: string;
  #none: string;
  /** no choice here */
  #without: string | null = null;

  /** `word` stands before each path; `none` is the choice of no path. */
  constructor(session: Session, label: string, word: string, none: string, chosen: (path: string) => void) {
    this.#session = session;
    this.#word = word;
    this.#none = none;
    const again = (): void => this.offer(this.node.value, this.#without);
    this.node = h("select.paths", {
      label: label,
      title: label,
      change: () => chosen(this.node.value),
      pointerdown: again,
      focus: again,
    });
  }

  offer(path: string, without: string | null = null): void {
    this.#without = without;
    const { columns } = this.#session;
    const words = newestPaths(this.#session)
      .filter(({ shape }) => shape === "string")
      .map((found) => found.path);
    const paths = [...new Set([path, ...columns.paths, ...words])]
      .filter((other) => other !== "" && other !== without)
      .slice(0, OPTIONS);
    const option = (value: string, label: string): HTMLElement => h("option", { value }, label);
    this.node.replaceChildren(
      option("", this.#none),
      ...paths.map((other) => option(other, `${this.#word}${brief(other, NAME_CHARS)}`)),
    );
    this.node.value = path;
  }
}
