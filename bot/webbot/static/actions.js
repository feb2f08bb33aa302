// What a message offers: buttons with their question, copying, pictures.
import { $, $$, clone, hear, on, refocus, toast } from "./dom.js";
import { gesture, post, recordOf } from "./api.js";

// mine are the gestures of this page, by record id, until they are answered.
export const mine = new Map();

const place = (msg) => ({ channel: msg.dataset.channel, message: msg.dataset.id });

// threadOf is where the answer to a button goes: into the thread that the message stands in or heads.
function threadOf(msg) {
  if (msg.dataset.thread) return msg.dataset.thread;
  return msg.closest("#thread") || $(".replies", msg) ? msg.dataset.id : "";
}

export function busy(button, yes) {
  if (yes) {
    button.setAttribute("aria-disabled", "true");
    button.setAttribute("aria-busy", "true");
    button.prepend(clone("t-spin"));
  } else {
    button.removeAttribute("aria-disabled");
    button.removeAttribute("aria-busy");
    $(":scope > .i-spin", button)?.remove();
  }
}

async function press(button) {
  const msg = button.closest(".msg");
  const id = gesture();
  busy(button, true);
  // An update of the message takes the button away; an answer frees it; and nothing keeps it pressed for ever.
  const timer = setTimeout(() => busy(button, false), 20000);
  mine.set(recordOf(id), { done: () => { clearTimeout(timer); busy(button, false); } });
  try {
    await post("/press", { id, ...place(msg), thread: threadOf(msg), button: button.dataset.button });
  } catch (err) {
    mine.get(recordOf(id)).done();
    mine.delete(recordOf(id));
    toast(err.message, true);
  }
}

// sure asks the question of a button. Enter on the open dialog cancels: the safe answer has the focus.
function sure(button) {
  const dialog = $("#confirm");
  const label = button.textContent.trim();
  $("#confirm-text").textContent = button.dataset.confirm;
  const head = button.closest(".msg") && $(".title", button.closest(".msg"));
  $("#confirm-sub").textContent = head ? head.textContent : "";
  const yes = $("#confirm-yes");
  yes.textContent = label;
  yes.className = button.classList.contains("danger") ? "btn danger solid" : "btn primary";
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((ok) => dialog.addEventListener("close", () => ok(dialog.returnValue === "yes"), { once: true }));
}

async function copy(button) {
  const block = button.closest(".code, .table");
  const text = button.dataset.copy === "table"
    ? $$("tr", block).map((tr) => [...tr.cells].map((c) => c.textContent.replace(/[\t\n]/g, " ")).join("\t")).join("\n")
    : $("code", block).textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Clipboard needs https or localhost; the old way works everywhere.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    document.body.append(area);
    area.select();
    const did = document.execCommand("copy");
    area.remove();
    button.focus();
    if (!did) return toast("The browser did not let drey copy.", true);
  }
  const label = button.lastChild;
  const was = label.textContent;
  label.textContent = "Copied";
  button.classList.add("did");
  setTimeout(() => { label.textContent = was; button.classList.remove("did"); }, 1600);
}

export function start() {
  on("click", "[data-button]", async (_, button) => {
    if (button.getAttribute("aria-disabled") === "true") return;
    if (!button.dataset.confirm || await sure(button)) press(button);
  });
  on("click", "[data-copy]", (_, b) => copy(b));
  on("click", "[data-zoom]", (_, b) => {
    const img = $("#zoom img");
    const small = $("img", b);
    img.src = b.dataset.zoom;
    img.alt = small.alt;
    $("#zoom").showModal();
  });
  on("click", "dialog [data-close]", (_, b) => { b.closest("dialog").close(); refocus(); });
  on("click", "#zoom", (e, d) => { if (e.target === d || e.target.tagName === "IMG") d.close(); });
  hear("message", (article) => {
    const own = mine.get(article.dataset.id);
    if (own && !("waiting" in article.dataset)) own.done?.();
  });
  // What was pressed in a private message may be answered in its place; the press itself goes away then.
  hear("gone", (id) => { mine.get(id)?.done?.(); mine.delete(id); });
}
