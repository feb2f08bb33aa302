// A list of messages: fragments put in their place by position, replaced by id, days and groups marked, scrolled sensibly.
import { $, $$, fragment, say } from "./dom.js";
import { paint, dayName } from "./times.js";

export const rowOf = (rows, id) => $(`:scope > [data-id="${CSS.escape(id)}"]`, rows);

export const atBottom = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < 90;

// stick keeps a reader who is at the bottom there while run changes the list.
export function stick(list, run) {
  const was = atBottom(list);
  run();
  if (was) list.scrollTop = list.scrollHeight;
  return was;
}

// fromTop shows an answer that is longer than the screen from its beginning.
export function fromTop(list, row) {
  if (row.offsetHeight > list.clientHeight - 20) list.scrollTop += row.getBoundingClientRect().top - list.getBoundingClientRect().top - 8;
}

// toNewest shows the newest message: its end, or its beginning where it is longer than the screen.
export function toNewest(list, rows) {
  list.scrollTop = list.scrollHeight;
  const last = $$(":scope > .msg", rows).at(-1);
  if (last) fromTop(list, last);
}

// put inserts or replaces one message. It returns the element and whether it is new.
export function put(rows, article) {
  let old = rowOf(rows, article.dataset.id);
  paint(article);
  const local = old?.classList.contains("local");
  const moved = old && !local && old.dataset.pos !== article.dataset.pos && Number(old.dataset.seq) < Number(article.dataset.seq);
  const was = old;
  if (local || moved) {
    remove(rows, article.dataset.id);
    old = null;
  }
  if (old) {
    if (Number(old.dataset.seq ?? 0) >= Number(article.dataset.seq)) return { row: old, fresh: false, same: true };
    article.classList.toggle("edited-now", old.dataset.say !== article.dataset.say);
    carry(old, article);
    old.replaceWith(article);
    arrange(rows, article);
    return { row: article, fresh: false, was: old };
  }
  const pos = Number(article.dataset.pos);
  let before = null;
  for (let el = rows.lastElementChild; el; el = el.previousElementSibling) {
    if (!el.dataset.pos && !el.classList.contains("local")) continue;
    if (el.classList.contains("local") || Number(el.dataset.pos) > pos) before = el; else break;
  }
  rows.insertBefore(article, before);
  if (moved) carry(was, article);
  else if (!local) article.classList.add("fresh");
  arrange(rows, article);
  return { row: article, fresh: true, was: moved ? was : null };
}

// carry takes over what the reader did to the old element: focus, scroll inside, what was unfolded.
function carry(old, next) {
  for (const el of $$("[data-keep]", old)) {
    const twin = $(`[data-keep="${el.dataset.keep}"]`, next);
    if (!twin) continue;
    if (el.open) twin.open = true;
    const { scrollLeft, scrollTop } = el;
    if (scrollLeft || scrollTop) requestAnimationFrame(() => { twin.scrollLeft = scrollLeft; twin.scrollTop = scrollTop; });
  }
  const focused = document.activeElement;
  if (!old.contains(focused)) return;
  let key = null;
  const same = focused.dataset.button && $$("[data-button]", next).find((b) => b.textContent.trim() === focused.textContent.trim());
  if (same) key = `[data-button="${CSS.escape(same.dataset.button)}"]`;
  else if (focused.dataset.button) key = `[data-button="${CSS.escape(focused.dataset.button)}"]`;
  else if (focused.dataset.open) key = `[data-open="${CSS.escape(focused.dataset.open)}"]`;
  queueMicrotask(() => ((key && $(key, next)) || next).focus({ preventScroll: true }));
}

// arrange marks the first message of a day and those that go on what their predecessor began.
function arrange(rows, article) {
  mark(article);
  const next = nextMessage(article);
  if (next) mark(next);
}

function nextMessage(el) {
  for (el = el.nextElementSibling; el && !el.matches(".msg"); el = el.nextElementSibling);
  return el;
}

function mark(article) {
  let prev = article.previousElementSibling;
  let line = null;
  while (prev && !prev.matches(".msg")) {
    if (prev.matches(".day")) line = prev;
    prev = prev.previousElementSibling;
  }
  const at = new Date(article.dataset.at ?? Date.now());
  const before = prev && new Date(prev.dataset.at ?? Date.now());
  const newDay = !before || before.toDateString() !== at.toDateString();
  if (newDay && !line && article.parentElement.id === "rows") {
    line = document.createElement("p");
    line.className = "day";
    const word = document.createElement("span");
    word.textContent = dayName(at);
    line.append(word);
    article.before(line);
  } else if (!newDay && line) {
    line.remove();
  }
  const bare = (a) => !$(":scope > .body > .card:not(.bare)", a);
  const goesOn = prev && !newDay && bare(article) && bare(prev) && !article.matches(".private") && !prev.matches(".private") && !$(":scope > .prompt", article)
    && prev.dataset.author === article.dataset.author && !prev.nextElementSibling?.matches(".newline") && at - before < 4 * 60e3;
  article.classList.toggle("goes-on", Boolean(goesOn));
}

export function arrangeAll(rows) {
  for (const d of $$(":scope > .day", rows)) d.remove();
  for (const a of $$(":scope > .msg", rows)) mark(a);
}

export function remove(rows, id) {
  const row = rowOf(rows, id);
  if (!row) return;
  const next = nextMessage(row);
  row.remove();
  if (next) mark(next);
}

// prepend puts earlier messages on top without moving what the reader looks at.
export function prepend(list, rows, html) {
  const got = fragment(html).firstElementChild;
  const height = list.scrollHeight;
  const top = list.scrollTop;
  const known = [...got.children].filter((a) => !rowOf(rows, a.dataset.id));
  rows.prepend(...known);
  arrangeAll(rows);
  paint(rows);
  list.scrollTop = top + list.scrollHeight - height;
  return { first: got.dataset.first, more: "more" in got.dataset };
}

// spoken says what a message says, once per wording.
export function spoken(row, was) {
  if (was?.dataset.say === row.dataset.say || "waiting" in row.dataset) return;
  say((was ? "Updated. " : "") + (row.dataset.say ?? ""));
}
