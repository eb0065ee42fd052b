// A capture's kernel and its anywidget host: what the page sees of many streams, no more. The log of the
// selected stream is as of a stream alone; its wire is tested there.
import widget from "/capture.js";
import script from "/log.js";

const NONE = { received: 0, held: 0, evicted: 0, cleared: 0, duplicates: 0, oversize: 0, comments: 0, ignored: 0, bytes: 0, connects: 1, not_sent: 0 };

class Model {
  attributes = { _settings: { to: "captures/trades", streams: 0, session: "stub" }, _ack: {} };
  handlers = [];
  wrapper() {
    return {
      get: (key) => this.attributes[key],
      set: (key, value) => (this.attributes[key] = value),
      save_changes: () => {},
      send: (content) => kernel.hear(content),
      on: (name, callback) => this.handlers.push([name, callback]),
      off: (name, callback) => (this.handlers = this.handlers.filter(([n, c]) => n !== name || c !== callback)),
    };
  }
  trigger(name, ...args) {
    for (const [n, callback] of [...this.handlers]) if (n === name) callback(...args);
  }
}

class Kernel {
  heard = [];
  n = 0;
  running = true;
  busy = false;
  late = [];
  trouble = "";
  workers = [];
  log = null;
  logs = 0;
  streams = [];
  past = { start: 0, step: 1, rows: [] };
  /** What a search finds: a list for each part of it. */
  finds = [];
  sought = null;

  make(count) {
    this.streams = Array.from({ length: count }, (_, i) => ({
      name: `stream ${String(i).padStart(4, "0")}`, url: `https://stream.example/${i}`, state: "open", rate: 10,
      last: Date.now(), received: 100 + i, gaps: 0, lag: 300, error: "", hint: "", worker: "", note: "",
    }));
    this.tell(true);
  }
  set(i, change) {
    Object.assign(this.streams[i], change);
    this.tell(false, [i]);
  }
  row(i) {
    const s = this.streams[i];
    return [i, s.state, s.rate, s.last, s.received, s.gaps, s.lag, s.error, s.hint, s.worker, s.note];
  }
  tell(whole, changed = []) {
    const sum = (key) => this.streams.reduce((n, s) => n + s[key], 0);
    const of = (...states) => this.streams.filter((s) => states.includes(s.state)).length;
    const received = sum("received");
    const stats = { streams: this.streams.length, open: of("open", "quiet"), failed: of("failed"), received, written: received - 7, pending: 7, rate: sum("rate"), lag: 0.3, gaps: sum("gaps") };
    this.send({
      kind: "overview", n: ++this.n, now: Date.now(), running: this.running, trouble: this.trouble, stats, workers: this.workers, log: this.log,
      rows: (whole ? this.streams.map((_, i) => i) : changed).map((i) => this.row(i)),
      ...(whole ? { names: this.streams.map((s) => [s.name, s.url]), to: this.page } : {}),
    });
  }
  send(content, buffers = []) {
    model.trigger("msg:custom", content, buffers);
  }
  /** The cell is done: what came meanwhile is answered. */
  free() {
    this.busy = false;
    for (const content of this.late.splice(0)) this.hear(content);
  }
  hear(content) {
    this.heard.push(content);
    this.page = content.page;
    if (this.busy) return void this.late.push(content);
    if ("log" in content) return this.answerLog(content);
    const answer = (message) => queueMicrotask(() => this.send({ ...message, to: content.page, id: content.id }));
    if (content.kind === "timeline") answer({ kind: "timeline", ...this.past });
    if (content.kind === "seek") answer({ kind: "seek", name: this.sought?.name ?? content.name, seq: this.sought?.seq ?? null });
    if (content.kind === "find" && this.finds.length > 0) answer({ kind: "found", ...this.finds.shift() });
    if (content.kind === "script") queueMicrotask(() => this.send({ kind: "script", to: content.page, source: script }));
    if (content.kind === "hello") queueMicrotask(() => this.tell(true));
    if (content.kind === "select") {
      const stream = this.streams.find((s) => s.name === content.name);
      this.log = stream ? [++this.logs, stream.name, { url: stream.url, session: `log ${this.logs}` }] : null;
      queueMicrotask(() => this.tell(true));
    }
    if (content.kind === "stop" || content.kind === "start") {
      this.running = content.kind === "start";
      for (const s of this.streams) s.state = this.running ? "open" : "closed";
      queueMicrotask(() => this.tell(true));
    }
  }
  head() {
    return { now: Date.now(), stats: { ...NONE, received: this.kept ?? 0 }, oldest: 0, cleared_to: 0, status: { state: "open", attempt: 0, retry_in: null, since: Date.now(), error: null, hint: null }, last_event_id: "", reconnection_time: null, counts: [], gaps: [] };
  }
  /** The whole of a stream's past: so many events, one a second, in the files. */
  keep(count) {
    this.kept = count;
  }
  rows(log, page, id, first, stop) {
    const count = Math.min(stop - first, 500);
    const from = stop - count;
    const encoder = new TextEncoder();
    const texts = Array.from({ length: count }, (_, i) => encoder.encode(`event ${from + i}`));
    const offsets = new Uint32Array(count + 1);
    texts.forEach((text, i) => (offsets[i + 1] = offsets[i] + text.length));
    const blob = new Uint8Array(offsets[count]);
    texts.forEach((text, i) => blob.set(text, offsets[i]));
    const at = Float64Array.from({ length: count }, (_, i) => Date.UTC(2026, 2, 1) + (from + i) * 1000);
    const view = (array) => new DataView(array.buffer);
    this.send({ kind: "rows", log, to: page, id, asked: [first, stop], first: from, count, types: ["tick"], cut: [] },
      [blob, offsets, new Uint8Array(0), new Uint32Array(count + 1), new Uint16Array(count), at].map(view));
  }
  answerLog({ kind, log, page, id, first, stop }) {
    if (kind === "rows") return void queueMicrotask(() => this.rows(log, page, id, first, stop));
    if (kind === "hello") queueMicrotask(() => this.send({ kind: "hello", to: page, log, n: 0, ...this.head() }));
  }
  event(log, data) {
    const text = new TextEncoder().encode(data);
    const view = (array) => new DataView(array.buffer);
    const buffers = [text, Uint32Array.of(0, text.length), new Uint8Array(0), Uint32Array.of(0, 0), Uint16Array.of(0), Float64Array.of(Date.now())].map(view);
    this.send({ kind: "batch", log, n: 1, ...this.head(), stats: { ...NONE, received: 1, held: 1 }, counts: [["tick", 1]], first: 0, count: 1, types: ["tick"], cut: [] }, buffers);
  }
}

const model = new Model();
const kernel = new Kernel();
const options = new URLSearchParams(location.search);
if (options.get("theme")) document.body.classList.add(`lab-${options.get("theme")}`);
const el = document.createElement("div");
document.body.append(el);
Object.assign(window, { model, kernel });
window.life = new AbortController();
widget.initialize({ model: model.wrapper(), signal: window.life.signal });
widget.render({ model: model.wrapper(), el, signal: window.life.signal });
document.body.dataset.ready = "yes";
