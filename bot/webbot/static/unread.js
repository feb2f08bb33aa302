// What is unread: counts beside the channels and in the title, and the mark of how far this person has read.
import { $, $$, me } from "./dom.js";
import { post } from "./api.js";
import * as lists from "./list.js";

let readTimer = 0;

export const entryOf = (ch) => $(`.channels a[data-channel="${CSS.escape(ch)}"]`);
export const here = () => document.hasFocus() && !document.hidden;
export const counted = (ch) => Number($(".count", entryOf(ch))?.dataset.count ?? 0);
export const bump = (ch) => count(ch, counted(ch) + 1);

function count(ch, n) {
  const a = entryOf(ch);
  if (!a) return;
  const c = $(".count", a);
  c.dataset.count = n;
  c.textContent = n > 99 ? "99+" : n || "";
  a.classList.toggle("has-unread", n > 0);
  $(".unread-word", a).textContent = n ? " unread" : "";
  const all = $$(".channels .count").reduce((sum, x) => sum + Number(x.dataset.count), 0);
  document.title = (all ? `(${all}) ` : "") + "#" + document.body.dataset.channel + " · drey";
  $(".drawer-open .dot").hidden = !$(`.channels a.has-unread:not([aria-current])`);
}

// seen marks the open channel as read, a moment after its newest message was on a screen that somebody looks at.
export function seen() {
  clearTimeout(readTimer);
  if (!here() || !lists.atBottom($("#list"))) return;
  readTimer = setTimeout(() => {
    const pos = Math.max(0, ...$$("#rows > .msg[data-pos]").map((a) => Number(a.dataset.pos)));
    const channel = $("#list").dataset.channel;
    count(channel, 0);
    if (pos > Number($("#list").dataset.read || 0)) {
      $("#list").dataset.read = pos;
      post("/read", { channel, pos }).catch(() => { /* it stays unread until next time */ });
    }
  }, 700);
}

// news says whether a message of another channel is one that came since, and not an old one that changed.
export function news(article) {
  const a = entryOf(article.dataset.channel);
  const last = Number(a?.dataset.last ?? 0);
  const pos = Number(article.dataset.pos);
  if (!a || article.dataset.who === me() || pos <= last) return false;
  a.dataset.last = pos;
  return true;
}

