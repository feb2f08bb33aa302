// The line at the bottom: grows with its text, remembers what was sent, and never loses a line that did not arrive.
import { $, $$, clone, keep, emit, on, phone, toast } from "./dom.js";
import { gesture, post, recordOf, upload } from "./api.js";
import { Attached, chips } from "./attach.js";
import { Palette } from "./palette.js";
import { mine } from "./actions.js";
import { arrangeAll } from "./list.js";

const isCommand = (text) => text.startsWith("/") || text.toLowerCase().startsWith("@drey");

// unsent are the lines on their way with their files, by record id.
const unsent = new Map();

export function setup(form, place) {
  const line = $("textarea", form);
  const button = $("button[type=submit]", form);
  const draft = () => "draft:" + place().channel + ":" + (place().thread ?? "");
  const palette = new Palette(form, line, place);
  const attached = new Attached(form, line, draft);
  let back = 0; // how far into the history, 0 for what is being typed

  const fit = () => {
    line.style.height = "auto";
    // An empty line is one line high, however long its placeholder is.
    if (line.value) line.style.height = Math.min(line.scrollHeight, innerHeight * 0.4) + "px";
    form.classList.toggle("is-command", isCommand(line.value));
    button.disabled = !line.value.trim();
  };
  const fill = (text) => { line.value = text; line.setSelectionRange(text.length, text.length); fit(); };
  const send = () => {
    const text = line.value.trim();
    if (!text) return;
    if (attached.files.length && !isCommand(text)) return toast("Files go with a command, such as /flink run.", true);
    const past = keep.get("history", []).filter((h) => h !== text);
    keep.set("history", [...past, text].slice(-100));
    back = 0;
    fill("");
    palette.close();
    palette.update();
    keep.set(draft(), "");
    deliver({ id: gesture(), line: text, ...place() }, attached.take());
  };

  line.addEventListener("input", () => { back = 0; fit(); palette.update(); keep.set(draft(), line.value); });
  line.addEventListener("click", () => palette.update());
  line.addEventListener("blur", () => palette.close());
  line.addEventListener("keydown", (e) => {
    if (e.isComposing || palette.key(e)) return;
    if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); send(); return; }
    const past = keep.get("history", []);
    if (e.key === "ArrowUp" && (back > 0 || line.value === "") && back < past.length && !e.altKey) {
      e.preventDefault();
      fill(past[past.length - ++back]);
    } else if (e.key === "ArrowDown" && back > 0 && !e.altKey) {
      e.preventDefault();
      fill(--back ? past[past.length - back] : "");
    } else if (e.key === "Escape" && place().thread) {
      emit("close-thread");
    }
  });
  line.addEventListener("paste", (e) => fence(e, line));
  form.addEventListener("submit", (e) => { e.preventDefault(); send(); line.focus(); });
  fill(keep.get(draft(), ""));
  return { fill, focus: () => line.focus(), reload: () => { fill(keep.get(draft(), "")); attached.show(); palette.close(); } };
}

// fence keeps several pasted lines together as a block of code, unless they are part of a command.
function fence(e, line) {
  const text = e.clipboardData?.getData("text/plain") ?? "";
  if (!text.trim().includes("\n") || isCommand(line.value) || isCommand(text.trim()) || line.value.includes("```")) return;
  e.preventDefault();
  const lead = line.value && !line.value.endsWith("\n") ? "\n" : "";
  line.setRangeText(lead + "```\n" + text.replace(/\s+$/, "") + "\n```\n", line.selectionStart, line.selectionEnd, "end");
  line.dispatchEvent(new Event("input", { bubbles: true }));
}

// deliver shows the line at once and sends it. The row stays until the server's own takes its place.
async function deliver(body, files) {
  const id = recordOf(body.id);
  unsent.set(id, { body, files });
  mine.set(id, {});
  show(id, body, files);
  await attempt(id, { body, files });
}

async function attempt(id, { body, files }) {
  const moved = (part) => {
    const word = $(`.local[data-id="${CSS.escape(id)}"] .working span`);
    if (word) word.textContent = part < 1 ? `Sending… ${Math.floor(part * 100)} %` : "Sending…";
  };
  try {
    await (files.length ? upload("/send", body, files, moved) : post("/send", body));
    unsent.delete(id);
  } catch (err) {
    const row = $(`.local[data-id="${CSS.escape(id)}"]`);
    if (!row) return;
    const note = clone("t-unsent");
    $(".reason", note).textContent = err.message;
    row.classList.add("failed");
    $(".working", row)?.setAttribute("hidden", "");
    $(".body", row).append(note);
  }
}

function show(id, body, files) {
  const rows = body.thread ? $("#trows") : $("#rows");
  if (!rows) return;
  const row = clone(isCommand(body.line) ? "t-waiting" : "t-note").firstElementChild;
  row.dataset.id = id;
  row.dataset.at = new Date().toISOString();
  $("bdi", $(".cmd, .text", row)).textContent = body.line.split("\n")[0];
  $(".prompt", row)?.append(...chips(files, "t-sent"));
  rows.append(row);
  if (rows.id === "rows") arrangeAll(rows);
  const list = rows.closest(".list");
  list.scrollTop = list.scrollHeight;
  $("#welcome")?.remove();
}

export function start() {
  on("click", "[data-retry]", (_, b) => {
    const row = b.closest(".msg");
    const line = unsent.get(row.dataset.id);
    $(".unsent", row).remove();
    $(".working", row)?.removeAttribute("hidden");
    row.classList.remove("failed");
    if (line) attempt(row.dataset.id, line);
  });
  on("click", "[data-discard]", (_, b) => {
    const row = b.closest(".msg");
    unsent.delete(row.dataset.id);
    row.remove();
  });
  on("click", "[data-fill]", (_, b) => {
    const line = $("#line");
    line.value = b.dataset.fill;
    line.focus();
    line.dispatchEvent(new Event("input", { bubbles: true }));
  });
  document.addEventListener("keydown", (e) => {
    const typing = e.target.closest("input, textarea, select, dialog, button, a, summary");
    if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && !$("dialog[open]")) {
      e.preventDefault();
      const line = $("#line");
      line.focus();
      if (!line.value) { line.value = "/"; line.dispatchEvent(new Event("input", { bubbles: true })); }
    }
  });
  if (!phone()) $$("#line")[0].focus();
}
