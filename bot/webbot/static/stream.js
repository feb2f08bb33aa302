// The stream of changes. The cursor lives here, because EventSource gives up on the first refusal, such as the 503 of a
// drey that is restarting; then a new one is made that goes on from the cursor.
import { $, fragment, emit } from "./dom.js";

let source = null;
let cursor = "";
let tries = 0;
let timer = 0;
let quiet = 0;

const words = { live: "Live", wait: "Connecting…", lost: "Connection lost. Reconnecting…" };

function show(state) {
  const conn = $("#conn");
  if (conn.dataset.state === state) return;
  conn.dataset.state = state;
  $(".word", conn).textContent = words[state];
  document.body.classList.toggle("offline", state === "lost");
}

function note(e) {
  if (e.lastEventId) cursor = e.lastEventId;
  alive();
}

// alive expects something at least every two heartbeats: a connection that died without a word is not reported by itself.
function alive() {
  clearTimeout(quiet);
  quiet = setTimeout(again, 40000);
}

function again() {
  source?.close();
  source = null;
  clearTimeout(timer);
  clearTimeout(quiet);
  if (tries > 0) show("lost");
  const wait = Math.min(300 * 2 ** tries, 8000) * (0.7 + Math.random() * 0.6);
  tries++;
  timer = setTimeout(open, wait);
}

function open() {
  clearTimeout(timer);
  source = new EventSource("/events?since=" + encodeURIComponent(cursor));
  source.addEventListener("hello", (e) => {
    const [user, version] = e.data.split(" ");
    if (user !== document.body.dataset.user) return location.reload();
    if (version !== document.body.dataset.version) emit("updated");
    tries = 0;
    show("live");
    alive();
    emit("live");
  });
  source.addEventListener("message", (e) => {
    if (!e.data) return;
    note(e);
    const article = fragment(e.data).firstElementChild;
    if (article) emit("message", article);
  });
  source.addEventListener("gone", (e) => { note(e); emit("gone", e.data); });
  source.addEventListener("reset", (e) => { note(e); emit("reset", e.data); });
  source.addEventListener("commands", (e) => { note(e); emit("commands"); });
  source.addEventListener("beat", alive);
  source.addEventListener("bye", () => location.reload());
  source.addEventListener("error", again);
}

export function start() {
  cursor = document.body.dataset.cursor;
  show("wait");
  open();
  addEventListener("online", () => { tries = 0; again(); });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && source?.readyState !== EventSource.OPEN) { tries = 0; again(); }
  });
  addEventListener("pagehide", () => { source?.close(); clearTimeout(timer); clearTimeout(quiet); });
  addEventListener("pageshow", (e) => { if (e.persisted) again(); });
}
