/**
 * Which events look like errors: those of type `error`, and of types and paths that a person marked on this
 * page. At a marked path a value says so by being there, unless it says "none": null, false, 0, or empty.
 */
import { isContainer } from "../json/jsonscan.ts";
import type { Payload } from "../json/paths.ts";

const NONE = /^(?:null|false|-?0(?:\.0+)?|"")$/;

export class Faults {
  /** rises with every change */
  version = 0;
  readonly types = new Set(["error"]);
  readonly paths = new Set<string>();

  toggle(what: "types" | "paths", name: string): void {
    if (!this[what].delete(name)) this[what].add(name);
    this.version++;
  }

  has(type: string, payload: () => Payload): boolean {
    if (this.types.has(type)) return true;
    for (const path of this.paths) {
      const value = payload().at(path);
      if (!value) continue;
      if (isContainer(value) ? value.count > 0 : !NONE.test(payload().written(value, 40))) return true;
    }
    return false;
  }
}
