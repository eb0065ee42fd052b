// A page of outputs with the real widget manager of VS Code's Jupyter extension over a real kernel; of the
// host itself it has what a widget can tell: how messages travel, and in which frame it stands.
//
// As VS Code: a message with binary buffers crosses to the page as an array of numbers in JSON.
// As Colab: each cell has a frame, with a manager of its own, and a message of a comm reaches it only while
// the request it belongs to is worked on (as is reported of Colab; whether it holds, we cannot see here).
import { KernelConnection, ServerConnection } from "@jupyterlab/services";
import { activate } from "/ipywidgets.js";

const options = new URLSearchParams(location.search);
const host = options.get("host");
const server = options.get("server");
const seen = { messages: 0, dropped: 0, binary_bytes: 0, json_chars: 0 };

/** The JSON part of a message: text where it has no buffers, else behind a list of offsets. */
function read(data) {
  if (typeof data === "string") return JSON.parse(data);
  const view = new DataView(data);
  const [from, to] = [view.getUint32(4), view.getUint32(0) > 1 ? view.getUint32(8) : data.byteLength];
  return JSON.parse(new TextDecoder().decode(new Uint8Array(data, from, to - from)));
}

class Socket {
  static worked = new Set();
  protocol = "";

  constructor(url) {
    // Without a protocol: then a message is a text unless it has buffers.
    this.inner = new WebSocket(url);
    this.inner.binaryType = "arraybuffer";
    for (const name of ["open", "close", "error"]) this.inner.addEventListener(name, (event) => this[`on${name}`]?.(event));
    this.inner.addEventListener("message", ({ data }) => this.pass(data));
  }
  get readyState() {
    return this.inner.readyState;
  }
  pass(data) {
    if (host === "colab" && this.drops(read(data))) return void seen.dropped++;
    seen.messages++;
    if (typeof data === "string") {
      seen.json_chars += data.length;
      return this.onmessage?.({ data });
    }
    const json = JSON.stringify(Array.from(new Uint8Array(data)));
    seen.binary_bytes += data.byteLength;
    seen.json_chars += json.length;
    this.onmessage?.({ data: new Uint8Array(JSON.parse(json)).buffer });
  }
  /** What belongs to no request that is being worked on. */
  drops({ header, parent_header, content }) {
    const of = parent_header.msg_id;
    if (header.msg_type === "status") Socket.worked[content.execution_state === "idle" ? "delete" : "add"](of);
    return header.msg_type === "comm_msg" && !Socket.worked.has(of);
  }
  send(data) {
    this.inner.send(data);
  }
  close() {
    this.inner.close();
  }
}

activate();
window.vscIPyWidgets8.load();
requirejs.config({ paths: { anywidget: "/anywidget" } });

const settings = ServerConnection.makeSettings({ baseUrl: server, wsUrl: server.replace("http", "ws"), WebSocket: Socket });
const kernel = new KernelConnection({ model: { id: options.get("kernel"), name: "python3" }, serverSettings: settings });
kernel.commsOverSubshells = "disabled"; // neither of the two has them
const nothing = () => {};
const scripts = { widgetsRegisteredInRequireJs: new Set(["anywidget"]), loadWidgetScript: async () => {}, successHandler: nothing, errorHandler: nothing };
const manager = new window.vscIPyWidgets.WidgetManager(kernel, document.body, scripts, nothing);

if (host === "vscode") document.body.classList.add("vscode-body", "vscode-dark");
if (host === "colab") document.documentElement.setAttribute("theme", "dark");

async function show(id) {
  const node = document.body.appendChild(document.createElement("div"));
  node.className = "output";
  const view = await manager.create_view(await manager.get_model(id));
  await manager.display_view(undefined, view, { node });
}

/** Runs a cell; its widgets are shown below, in Colab in a frame of the cell's own. */
async function run(code) {
  const future = kernel.requestExecute({ code });
  const shown = [];
  const failed = [];
  future.onIOPub = ({ header, content }) => {
    const view = content.data?.["application/vnd.jupyter.widget-view+json"];
    if (view) shown.push(host === "colab" ? frame(view.model_id) : show(view.model_id));
    if (header.msg_type === "error") failed.push(`${content.ename}: ${content.evalue}`);
    if (header.msg_type === "stream") window.said = (window.said ?? "") + content.text;
  };
  await future.done;
  await Promise.all(shown);
  if (failed.length > 0) throw new Error(failed[0]);
}

function frame(id) {
  const cell = document.createElement("iframe");
  const query = new URLSearchParams(location.search);
  query.set("show", id);
  cell.src = `?${query}`;
  document.body.append(cell);
}

Object.assign(window, { kernel, manager, run, seen, show });
await kernel.info;
if (options.has("show")) {
  // A frame comes after the widget: the manager asks the kernel for all there are.
  await manager._loadFromKernel();
  await show(options.get("show"));
}
document.body.dataset.ready = "yes";
