/**
 * Bytes that came as text, as a button that says what they are and shows them on demand: a picture
 * of the kinds that run nothing, or a dump in hex. Nothing is decoded before somebody asks.
 */
import { hexDump, type Payload } from "../../json/base64.ts";
import { attr, h, show } from "../dom/dom.ts";
import { bytes } from "../dom/format.ts";

const DUMP = 1_024;
const DUMP_MAX = 65_536;

/** The button, and under it the place for what it shows. */
export function payloadView(payload: Payload): { button: HTMLButtonElement; place: HTMLElement } {
  const place = h("div.payload", { hidden: true });
  const label = `${payload.name}, ${bytes(payload.size)}`;
  const toggle = (): void => {
    if (!place.firstChild) place.append(payload.picture ? picture(payload, label) : dump(payload.bytes()));
    const open = button.getAttribute("aria-expanded") !== "true";
    show(place, open);
    attr(button, "aria-expanded", open);
  };
  const button: HTMLButtonElement = h(
    "button.chip.payload-chip",
    {
      "aria-expanded": "false",
      title: payload.picture ? "Show the picture" : "Show the bytes",
      click: toggle,
    },
    label,
  );
  return { button, place };
}

function picture(payload: Payload, label: string): HTMLElement {
  const image = h("img.picture", { alt: label });
  const box = h("div", image);
  // A picture that does not decode is bytes like any other.
  image.addEventListener(
    "error",
    () => box.replaceChildren("This picture cannot be drawn.", dump(payload.bytes())),
    {
      once: true,
    },
  );
  // A data: URL, not a Blob: hosts with a policy allow it more often, and nothing has to be revoked.
  image.src = `data:${payload.picture};base64,${payload.base64()}`;
  return box;
}

function dump(data: Uint8Array): HTMLElement {
  const text = h("pre.hex", { tabindex: "0", role: "region", label: "Bytes" });
  let shown = 0;
  const grow = (): void => {
    const to = Math.min(data.length, DUMP_MAX, shown + (shown === 0 ? DUMP : DUMP * 16));
    text.append(`${shown > 0 ? "\n" : ""}${hexDump(data, shown, to)}`);
    shown = to;
    more.textContent = `More (${bytes(data.length - shown)})`;
    show(more, shown < data.length && shown < DUMP_MAX);
  };
  const more = h("button.small", { click: grow });
  grow();
  return h("div", text, more);
}
