// A kernel and the model that anywidget gives a page, in one file: what the page sees of them, no more. The
// kernel keeps every event and speaks the wire; a test can make it busy, deaf or forgetful. The
// documentation runs the log with it too. It knows no page.

const encoder = new TextEncoder();
const NONE = { received: 0, held: 0, evicted: 0, cleared: 0, duplicates: 0, oversize: 0, comments: 0, ignored: 0, bytes: 0, connects: 1, not_sent: 0 };

function column(texts) {
  const parts = texts.map((text) => encoder.encode(text));
  const offsets = new Uint32Array(parts.length + 1);
  parts.forEach((part, i) => (offsets[i + 1] = offsets[i] + part.length));
  const blob = new Uint8Array(offsets[parts.length]);
  parts.forEach((part, i) => blob.set(part, offsets[i]));
  return [blob, offsets];
}

/** Like buffers off a websocket: a view at an odd place of a larger one. */
function unaligned(array) {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const message = new Uint8Array(bytes.length + 3);
  message.set(bytes, 3);
  return new DataView(message.buffer, 3, bytes.length);
}

function rows(events, first) {
  const types = [...new Set(events.map((event) => event.type))];
  const code = new Map(types.map((type, i) => [type, i]));
  const cut = [];
  const data = events.map((event, i) => {
    const size = encoder.encode(event.data).length;
    if (size <= 65536) return event.data;
    cut.push([i, size]);
    return event.data.slice(0, 65536);
  });
  const [blob, offsets] = column(data);
  const [ids, idOffsets] = column(events.map((event) => event.id));
  const codes = Uint16Array.from(events, (event) => code.get(event.type));
  const at = Float64Array.from(events, (event) => event.at);
  return {
    content: { first, count: events.length, types, cut },
    buffers: [blob, offsets, ids, idOffsets, codes, at].map(unaligned),
  };
}

class Model {
  kernel = null;
  attributes = {
    _settings: { url: "https://stream.example/ticks?key=***", session: "stub" },
    _filter: { rev: 0, by: "", types: null, exclude_types: [], text: "", exclude: "", regex: false, case: false, since: null, until: null, where: [] },
    _columns: { paths: [], rev: 0, by: "" },
    _pins: { rows: [], by: "" },
    _plot: { path: "", by: "", rev: 0 },
    _ack: { page: "", n: 0 },
  };
  handlers = [];
  saved = [];
  dirty = {};
  /** anywidget gives initialize and each render a wrapper of their own. */
  wrapper() {
    return {
      get: (key) => this.attributes[key],
      set: (key, value) => ((this.dirty[key] = value), this.put(key, value)),
      save_changes: () => {
        this.saved.push(this.dirty);
        if (this.dirty._columns) this.kernel.hearColumns(this.dirty._columns);
        this.dirty = {};
      },
      send: (content) => this.kernel.hear(content),
      on: (name, callback) => this.handlers.push([name, callback]),
      off: (name, callback) => (this.handlers = this.handlers.filter(([n, c]) => n !== name || c !== callback)),
    };
  }
  put(key, value) {
    this.attributes[key] = value;
    this.trigger(`change:${key}`);
  }
  trigger(name, ...args) {
    for (const [n, callback] of [...this.handlers]) if (n === name) callback(...args);
  }
}

class Kernel {
  constructor(model) {
    this.model = model;
    model.kernel = this;
  }
  events = [];
  heard = [];
  n = 0;
  oldest = 0;
  sent = 0;
  busy = false;
  columns = [];
  columnsRev = 0;
  clearedTo = 0;
  counts = new Map();
  stats = { ...NONE };
  status = { state: "open", attempt: 0, retry_in: null, since: Date.now(), error: null, hint: null, note: null, reason: null, warns: false };

  head(counts = [], gaps = []) {
    const received = this.events.length;
    const floor = Math.max(this.oldest, this.clearedTo);
    const stats = { ...this.stats, received, evicted: this.oldest, cleared: Math.max(0, this.clearedTo - this.oldest), held: received - floor };
    return { now: Date.now(), stats, oldest: floor, cleared_to: this.clearedTo, status: this.status, last_event_id: this.events.at(-1)?.id ?? "", reconnection_time: this.retry ?? null, url: this.url ?? null, capture: this.capture ?? null, counts, gaps };
  }
  hear(content) {
    this.heard.push(content);
    if (this.busy) return;
    this.page = content.page;
    if (content.kind === "hello") this.tell({ kind: "hello", n: this.n, ...this.head([...this.counts], this.gaps ?? []) });
    if (content.kind === "rows") this.answerRows(content);
    if (content.kind === "poll" && this.answersPolls) queueMicrotask(() => this.feed([], { polled: true }));
    if (content.kind === "event") {
      const event = this.events[content.seq];
      this.tell({ kind: "event", id: content.id, seq: content.seq, found: true, type: event.type, last_event_id: event.id }, [unaligned(encoder.encode(event.data))]);
    }
    if (content.kind === "clear") this.clear();
    if (content.kind === "stop") this.be({ state: "closed" });
    if (content.kind === "start" || content.kind === "retry") this.be({ state: "open" });
  }
  answerRows({ id, first, stop }) {
    const from = Math.max(first, this.oldest, this.clearedTo, stop - 20000);
    const asked = [first, stop];
    if (from >= stop) return this.tell({ kind: "rows", id, asked, first: stop, count: 0 });
    const { content, buffers } = rows(this.events.slice(from, stop), from);
    this.tell({ kind: "rows", id, asked, ...content }, buffers);
  }
  /** What the kernel says reaches the page as a message of its own, never inside the call. */
  tell(content, buffers = []) {
    queueMicrotask(() => this.model.trigger("msg:custom", { to: this.page, ...content }, buffers));
  }
  /** Into the kernel, not yet to the page. */
  take(events) {
    const counts = new Map();
    for (const event of events) {
      const type = event.type ?? "message";
      this.events.push({ id: "", at: Date.now(), data: "", ...event, type });
      counts.set(type, (this.counts.get(type) ?? 0) + 1);
      this.counts.set(type, counts.get(type));
    }
    return [...counts];
  }
  /** One batch with these events; `lost`: it never arrives; `skip`: the kernel holds the rows back. */
  feed(events, { lost = false, skip = false, polled = false, still = false, unseen = false, gaps = [] } = {}) {
    const first = this.events.length;
    const counts = this.take(events);
    this.gaps = [...(this.gaps ?? []), ...gaps];
    if (skip) return void (this.stats.not_sent += events.length);
    this.n++;
    if (lost) return;
    const head = { kind: "batch", n: this.n, polled, still, unseen, ...this.head(counts, gaps) };
    if (events.length === 0) return this.model.trigger("msg:custom", { ...head, first: this.events.length, count: 0 }, []);
    const { content, buffers } = rows(this.events.slice(first), first);
    this.model.trigger("msg:custom", { ...head, ...content }, buffers);
  }
  be(status) {
    this.status = { ...this.status, attempt: 0, retry_in: null, error: null, hint: null, note: null, reason: null, warns: false, since: Date.now(), ...status };
    this.feed([]);
  }
  beat() {
    this.feed([]);
  }
  clear() {
    this.clearedTo = this.events.length;
    this.feed([]);
  }
  flood(count, batch = 5000, make = (i) => ({ type: i % 3 ? "trade" : "quote", id: String(i), data: `{"i":${i},"price":${(i * 7919) % 100000}}` })) {
    for (let done = 0; done < count; done += batch) {
      const first = this.events.length;
      this.feed(Array.from({ length: Math.min(batch, count - done) }, (_, i) => make(first + i)));
    }
  }
  /** As `SSEStream._columns_moved`. */
  hearColumns(wire) {
    if (this.busy) return void (this.late = [...(this.late ?? []), wire]);
    if (wire.rev === this.columnsRev) this.columns = wire.paths;
    this.model.put("_columns", { paths: this.columns, rev: this.columnsRev, by: "", heard: [wire.by, wire.n] });
  }
  setColumns(paths) {
    this.columns = paths;
    this.model.put("_columns", { paths, rev: ++this.columnsRev, by: "" });
  }
  /** The cell is done: what came meanwhile is answered. */
  free() {
    this.busy = false;
    for (const wire of this.late ?? []) this.hearColumns(wire);
    this.late = [];
  }
  plot(path, by = "") {
    this.model.put("_plot", { path, by, rev: this.model.attributes._plot.rev + 1 });
  }
  setFilter(change) {
    const filter = this.model.attributes._filter;
    this.model.put("_filter", { ...filter, ...change, rev: filter.rev + 1, by: "" });
  }
}

/** A model and its kernel. */
export function makeKernel() {
  const model = new Model();
  return { model, kernel: new Kernel(model) };
}
