// The log in the page: the widget as a notebook has it, with a kernel and a recorded stream that live in this
// page. Below the log stands what the same clicks are in Python. `npm run live` makes one plain script of it and
// of all it needs, so that it also runs from a file, where a browser loads no modules and fetches nothing.
import widget from "../../sse_widget/static/widget.js";
import { makeKernel } from "../../tests/page/kernel.js";
import saved from "./ticks.sse";

const TICK_MS = 200;
const CALM = 0.5; // times as fast as it was recorded: four a second can be read
const FAST = 25;
const RETRY_MS = 2000;
const MISSING = "nothing is missing";

/** The events of a file that `stream.save("ticks.sse")` wrote, each with its milliseconds since the first. */
function parse(text) {
  const events = [];
  let arrived = 0;
  for (const block of text.trim().split("\n\n")) {
    const event = { type: "message", id: "", data: "" };
    for (const line of block.split("\n")) {
      const [, name, value] = /^(\w*): ?(.*)$/.exec(line);
      if (name === "" && value.startsWith("received_at=")) arrived = Date.parse(value.slice(12));
      else if (name === "event") event.type = value;
      else if (name === "id" || name === "data") event[name] = value;
    }
    event.after = arrived - (events[0]?.arrived ?? arrived);
    events.push({ ...event, arrived });
  }
  return events;
}

/** A recording that begins again where it ends; its ids count on. */
class Recording {
  #events = parse(saved);
  #length = this.#events.at(-1).after + 125;
  #position = 0; // milliseconds from the beginning of the first round
  #next = 0; // the number of the next event, over all rounds

  get seconds() {
    return this.#length / 1000;
  }

  #at(number) {
    const event = this.#events[number % this.#events.length];
    const round = Math.floor(number / this.#events.length);
    const id = String(Number(event.id) + round * this.#events.length);
    return { type: event.type, id, data: event.data, due: event.after + round * this.#length };
  }

  /** What comes in the next `ms`; with `until` each event has its own time, and the last one that. */
  play(ms, until = null, speed = 1) {
    this.#position += ms;
    const due = [];
    for (let event = this.#at(this.#next); event.due <= this.#position; event = this.#at(++this.#next)) {
      const at = until === null ? Date.now() : until - (this.#position - event.due) / speed;
      due.push({ type: event.type, id: event.id, data: event.data, at });
    }
    return due;
  }
}

/** What came before the reader did, with one cut of the connection in it. */
function history(kernel, recording) {
  const events = recording.play(recording.seconds * 800, Date.now(), CALM);
  const seq = events.length - 30;
  const text = `Reconnected after 1.3 s (the connection was reset); resumed after id '${events[seq - 1].id}': ${MISSING}`;
  feed(kernel, events.slice(0, seq));
  feed(kernel, events.slice(seq), [{ seq, at: events[seq].at, cause: "reconnect", text }]);
}

const NAMES = new Map([[true, "True"], [false, "False"], [null, "None"]]);

/** A filter as somebody would write it. */
function python(filter) {
  const text = (value) => {
    if (Array.isArray(value)) return `[${value.map(text).join(", ")}]`;
    return NAMES.get(value) ?? JSON.stringify(value);
  };
  const set = (values) => `{${values.map(text).join(", ")}}`;
  const when = (ms) => text(new Date(ms).toISOString());
  const given = [];
  if (filter.types) given.push(`types=${set(filter.types)}`);
  if (filter.exclude_types.length > 0) given.push(`exclude_types=${set(filter.exclude_types)}`);
  if (filter.text) given.push(`text=${text(filter.text)}`);
  if (filter.exclude) given.push(`exclude=${text(filter.exclude)}`);
  if (filter.regex) given.push("regex=True");
  if (filter.case) given.push("case=True");
  if (filter.where.length > 0) given.push(`where=[${filter.where.map((one) => `(${one.map(text).join(", ")})`).join(", ")}]`);
  if (filter.since !== null) given.push(`since=${when(filter.since)}`);
  if (filter.until !== null) given.push(`until=${when(filter.until)}`);
  return given.length > 0 ? `stream.filter = EventFilter(${given.join(", ")})` : "stream.filter = EventFilter()  # everything";
}

/** The same as what the page shows, as cells of a notebook. `gap`: what the latest cut says, if there was one. */
function cells({ _filter, _columns, _plot }, gap) {
  const lines = [python(_filter)];
  if (_columns.paths.length > 0) lines.push(`stream.columns = ${JSON.stringify(_columns.paths).replaceAll(",", ", ")}`);
  if (_plot.path) lines.push(`stream.plot(${[JSON.stringify(_plot.path), ...(_plot.by ? [`by=${JSON.stringify(_plot.by)}`] : [])].join(", ")})`);
  if (gap) lines.push(`stream.gaps[-1].text  # ${gap}`);
  return lines.join("\n");
}

/** The kernel hears events; `gaps`: what stands before them. */
function feed(kernel, events, gaps = []) {
  for (const { type, id, data } of events) kernel.stats.bytes += `event: ${type}\nid: ${id}\ndata: ${data}\n\n`.length;
  kernel.feed(events, { gaps });
}

function show(place) {
  const { model, kernel } = makeKernel();
  const recording = new Recording();
  model.attributes._settings = { url: "https://market.example/ticks", session: "live" };
  history(kernel, recording);
  const life = new AbortController();
  widget.initialize({ model: model.wrapper(), signal: life.signal });
  widget.render({ model: model.wrapper(), el: place.querySelector(".live-log"), signal: life.signal });
  const said = place.querySelector(".live-python");
  let gap = "";
  const tell = () => {
    said.textContent = cells(model.attributes, gap);
  };
  for (const name of ["_filter", "_columns", "_plot"]) model.handlers.push([`change:${name}`, tell]);
  kernel.setColumns(["symbol", "price", "size", "side"]);
  kernel.plot("price", "symbol");

  let speed = CALM;
  let cut = 0;
  setInterval(() => {
    // A page that nobody looks at rests.
    if (document.hidden || kernel.status.state !== "open") return;
    const due = recording.play(TICK_MS * speed);
    if (due.length > 0) feed(kernel, due);
    model.saved.length = 0; // what a test would look at
    kernel.heard.length = 0;
  }, TICK_MS);

  const lose = () => {
    if (kernel.status.state !== "open") return;
    cut = Date.now();
    kernel.be({ state: "waiting", retry_in: RETRY_MS / 1000, attempt: 1, error: "The connection was reset", hint: "It connects again by itself." });
    setTimeout(find, RETRY_MS);
  };
  const find = () => {
    // Somebody may have pressed Start, or Stop, meanwhile.
    if (kernel.status.state !== "waiting") return;
    const at = Date.now();
    const seq = kernel.events.length;
    gap = `Reconnected after ${((at - cut) / 1000).toFixed(1)} s (the connection was reset); resumed after id '${kernel.events.at(-1).id}': ${MISSING}`;
    kernel.status = { ...kernel.status, state: "open", attempt: 0, retry_in: null, error: null, hint: null, since: at };
    feed(kernel, recording.play((at - cut) * speed), [{ seq, at, cause: "reconnect", text: gap }]);
    tell();
  };
  const actions = {
    filter: () => kernel.setFilter({ types: ["trade"], text: "BTC" }),
    all: () => kernel.setFilter({ types: null, exclude_types: [], text: "", exclude: "", regex: false, case: false, since: null, until: null, where: [] }),
    fast: (button) => {
      speed = speed === CALM ? FAST : CALM;
      button.setAttribute("aria-pressed", String(speed === FAST));
    },
    cut: lose,
  };
  for (const button of place.querySelectorAll("[data-live]")) {
    button.addEventListener("click", () => actions[button.dataset.live](button));
  }
}

for (const place of document.querySelectorAll(".live")) show(place);
