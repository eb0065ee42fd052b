/**
 * The conditions of the filter, a button each that takes it away; nothing where there are none.
 */
import type { Session } from "../../kernel/session.ts";
import { h, show } from "../dom/dom.ts";
import { say } from "./cellmenu.ts";

export class Conditions {
  readonly node = h("div.conditions", { role: "group", label: "Conditions", hidden: true });
  #session: Session;
  #drawn: unknown = null;

  constructor(session: Session) {
    this.#session = session;
  }

  draw(): void {
    const { where } = this.#session.filter;
    if (where === this.#drawn) return;
    this.#drawn = where;
    show(this.node, where.length > 0);
    this.node.replaceChildren(
      ...where.map((condition) => {
        const words = say(condition);
        const label = `Remove the condition ${words}`;
        const click = (): unknown =>
          this.#session.setFilter({ where: where.filter((other) => other !== condition) });
        return h("button.chip", { label, title: label, click }, h("span.chip-name", words), "\u00D7");
      }),
    );
  }
}
