// Channels and threads: what is open, what is unread, and where messages go.
import { $, $$, fragment, emit, hear, on, phone, toast, me } from "./dom.js";
import { part } from "./api.js";
import { paint } from "./times.js";
import * as lists from "./list.js";
import { mine } from "./actions.js";
import { setup } from "./composer.js";
import { bump, counted, entryOf, here, news, seen } from "./unread.js";

const state = { channel: "", thread: "", held: null };
let composer = null;

const list = () => $("#list");

export const place = () => ({ channel: state.channel, thread: "" });
const threadPlace = () => ({ channel: state.channel, thread: state.thread });

function ready() {
  lists.arrangeAll($("#rows"));
  paint(list());
  const read = Number(list().dataset.read || 0);
  const first = read && $$("#rows > .msg").find((a) => Number(a.dataset.pos) > read && a.dataset.who !== me());
  if (first && counted(state.channel)) {
    const line = fragment('<p class="newline"><span>New</span></p>').firstElementChild;
    first.before(line);
    lists.arrangeAll($("#rows"));
    line.scrollIntoView({ block: "center" });
    if (lists.atBottom(list())) lists.toNewest(list(), $("#rows"));
  } else {
    lists.toNewest(list(), $("#rows"));
  }
  list().addEventListener("scroll", scrolled, { passive: true });
  seen();
}

let loading = false;
async function scrolled() {
  $(".jump").hidden = lists.atBottom(list()) || $(".jump").hidden;
  seen();
  if (loading || list().scrollTop > 240 || !("more" in list().dataset)) return;
  loading = true;
  const l = list();
  $(".older", l).hidden = false;
  try {
    const html = await part(`/c/${state.channel}?part=older&before=${l.dataset.first}`);
    const got = lists.prepend(l, $("#rows", l), html);
    l.dataset.first = got.first;
    if (!got.more) delete l.dataset.more;
  } catch (err) {
    toast(err.message, true);
  }
  $(".older", l).hidden = true;
  loading = false;
}

async function showChannel(ch, push = true) {
  closeThread(false);
  state.channel = ch;
  state.held = [];
  for (const a of $$(".channels a")) a.toggleAttribute("aria-current", a.dataset.channel === ch);
  entryOf(ch)?.setAttribute("aria-current", "page");
  document.body.dataset.channel = ch;
  drawer(false);
  if (push) history.pushState({}, "", "/c/" + ch);
  try {
    const html = await part(`/c/${ch}?part=channel`);
    if (state.channel !== ch) return;
    list().replaceWith(fragment(html).firstElementChild);
    $("#channel-name").textContent = ch;
    $("#topic").textContent = entryOf(ch)?.dataset.topic ?? "";
    $("#line").placeholder = `Message #${ch}, or / for commands`;
    $("#line").setAttribute("aria-label", "Message #" + ch);
    ready();
    composer.reload();
    if (phone()) list().focus({ preventScroll: true }); else composer.focus();
  } catch (err) {
    toast(err.message, true);
  }
  release();
}

function release() {
  const held = state.held ?? [];
  state.held = null;
  held.forEach(take);
}

async function showThread(id, push = true, focus = true) {
  if (state.thread === id && !$("#thread").hidden) {
    if (focus && !phone()) $("#tline").focus();
    return;
  }
  state.thread = id;
  state.held ??= [];
  try {
    const html = await part(`/c/${state.channel}/t/${encodeURIComponent(id)}?part=thread`);
    if (state.thread !== id) return;
    $("#thread").replaceChildren(fragment(html));
    if (push) history.pushState({}, "", `/c/${state.channel}/t/${encodeURIComponent(id)}`);
    threadReady(focus);
  } catch (err) {
    state.thread = "";
    toast(err.message, true);
  }
  release();
}

function threadReady(focus) {
  $("#thread").hidden = false;
  const keep = lists.atBottom(list());
  document.body.classList.add("with-thread");
  if (keep) list().scrollTop = list().scrollHeight;
  for (const p of ["#thead", "#trows"]) lists.arrangeAll($(p));
  paint($("#thread"));
  setup($("#thread .composer"), threadPlace);
  // The head of a matter that goes on says how it stands now: it is read first.
  $("#tlist").scrollTop = $("#thead [data-state]") ? 0 : $("#tlist").scrollHeight;
  if (focus && !phone()) $("#tline").focus();
}

function closeThread(push = true) {
  if (!state.thread) return;
  const id = state.thread;
  state.thread = "";
  $("#thread").hidden = true;
  $("#thread").replaceChildren();
  document.body.classList.remove("with-thread");
  if (push) {
    history.pushState({}, "", "/c/" + state.channel);
    (lists.rowOf($("#rows"), id) ?? $("#line")).focus({ preventScroll: true });
  }
}

// take puts a message where it belongs: its channel, and the thread beside it.
function take(article) {
  const { channel, thread, id } = article.dataset;
  const loaded = channel === state.channel;
  if (loaded && state.held) return state.held.push(article);
  if (loaded && state.thread && (thread === state.thread || id === state.thread)) inThread(article.cloneNode(true));
  if (thread && !("wide" in article.dataset)) {
    if (loaded) lists.remove($("#rows"), id); // a press that was answered in the thread
    return elsewhere(article);
  }
  if (!loaded) {
    if (news(article)) bump(channel);
    return;
  }
  const rows = $("#rows");
  if (!lists.rowOf(rows, id) && "more" in list().dataset && Number(article.dataset.pos) < Number(list().dataset.first)) return;
  $("#welcome")?.remove();
  let got;
  const stuck = lists.stick(list(), () => { got = lists.put(rows, article); });
  if (got.same) return;
  lists.spoken(got.row, got.was);
  if (stuck && mine.has(id)) lists.fromTop(list(), got.row);
  if (!got.fresh) return seen();
  if (article.dataset.who !== me() && (!here() || !stuck)) bump(channel);
  $(".jump").hidden = stuck || !got.fresh;
  seen();
}

function inThread(article) {
  const head = article.dataset.id === state.thread;
  lists.stick($("#tlist"), () => {
    const got = lists.put(head ? $("#thead") : $("#trows"), article);
    if (!head && !got.same) lists.spoken(got.row, got.was);
  });
  if (head) {
    const b = $(".replies b", article);
    $("#tcount").textContent = b ? b.textContent : "No replies yet";
  }
}

// elsewhere brings a thread into view when it holds the answer to something that was done on this page.
function elsewhere(article) {
  const { id, thread, channel } = article.dataset;
  if (!mine.has(id) || channel !== state.channel || thread === state.thread) return;
  if (!phone()) return showThread(thread, true, false);
  if (!("waiting" in article.dataset)) toast("Answered in the thread.", false, { label: "Show", run: () => showThread(thread) });
}

export function drawer(yes) {
  document.body.classList.toggle("drawer", yes);
  $("[data-drawer=open]").setAttribute("aria-expanded", String(yes));
  $("#side").inert = phone() && !yes;
  if (yes) $(".channels a[aria-current]").focus();
}

function fromAddress() {
  const [, , ch, , thread] = location.pathname.split("/");
  if (!ch) return;
  if (ch !== state.channel) showChannel(ch, false).then(() => thread && showThread(decodeURIComponent(thread), false));
  else if (thread) showThread(decodeURIComponent(thread), false);
  else closeThread(false);
}

function step(by) {
  const all = $$(".channels a");
  const at = all.findIndex((a) => a.dataset.channel === state.channel);
  showChannel(all[(at + by + all.length) % all.length].dataset.channel);
}

export function start() {
  state.channel = document.body.dataset.channel;
  composer = setup($("#main .composer"), place);
  ready();
  if (document.body.dataset.openThread) {
    state.thread = document.body.dataset.openThread;
    threadReady(false);
  }
  const plain = (e) => e.button === 0 && !e.ctrlKey && !e.metaKey && !e.shiftKey;
  on("click", ".channels a", (e, a) => { if (plain(e)) { e.preventDefault(); showChannel(a.dataset.channel); } });
  on("click", ".chan", (e, a) => { if (plain(e)) { e.preventDefault(); showChannel(a.dataset.to); } });
  on("click", "[data-open]", (e, a) => { if (plain(e)) { e.preventDefault(); showThread(a.dataset.open); } });
  on("click", "[data-close-thread]", (e) => { if (plain(e)) { e.preventDefault(); closeThread(); } });
  on("click", "[data-drawer]", (_, b) => drawer(b.dataset.drawer === "open"));
  on("click", "[data-jump]", () => { list().scrollTop = list().scrollHeight; $(".jump").hidden = true; });
  hear("close-thread", () => closeThread());
  hear("message", take);
  hear("gone", (id) => { for (const r of [$("#rows"), $("#trows")]) if (r) lists.remove(r, id); });
  hear("reset", (ch) => { if (ch === state.channel) { const t = state.thread; showChannel(ch, false).then(() => t && showThread(t, false, false)); } });
  addEventListener("popstate", fromAddress);
  addEventListener("focus", seen);
  addEventListener("resize", () => drawer(false));
  document.addEventListener("keydown", (e) => {
    if (e.altKey && (e.key === "ArrowUp" || e.key === "ArrowDown")) { e.preventDefault(); step(e.key === "ArrowUp" ? -1 : 1); }
    if (e.key === "Escape" && document.body.classList.contains("drawer")) { drawer(false); $("[data-drawer=open]").focus(); }
  });
  drawer(false);
}
