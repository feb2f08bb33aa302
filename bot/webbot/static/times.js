// Times in the reader's zone. The server writes UTC; here they get local words, kept fresh.
import { $$ } from "./dom.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

const units = [["second", 60], ["minute", 60], ["hour", 24], ["day", 7], ["week", 4.35], ["month", 12], ["year", Infinity]];

export function ago(t, now = Date.now()) {
  let n = (t - now) / 1000;
  if (Math.abs(n) < 10) return n > 0 ? "in a moment" : "just now";
  for (const [unit, size] of units) {
    if (Math.abs(n) < size) return relative.format(Math.round(n), unit);
    n /= size;
  }
}

const sameDay = (a, b) => a.toDateString() === b.toDateString();

export function dayName(t) {
  const today = new Date();
  if (sameDay(t, today)) return "Today";
  if (sameDay(t, new Date(today - 864e5))) return "Yesterday";
  return day.format(t);
}

function wording(kind, t) {
  const at = sameDay(t, new Date()) ? clock.format(t) : shortDay.format(t) + ", " + clock.format(t);
  if (kind === "clock") return clock.format(t);
  if (kind === "ago") return ago(t);
  return at + " (" + ago(t) + ")";
}

export function paint(root = document) {
  for (const el of $$("time[data-time]", root)) {
    const t = new Date(el.dateTime);
    if (isNaN(t)) continue;
    const text = wording(el.dataset.time, t);
    if (el.textContent !== text) el.textContent = text;
    if (!el.title) el.title = full.format(t);
  }
}

export function start() {
  paint();
  setInterval(() => { if (!document.hidden) paint(); }, 15000);
  document.addEventListener("visibilitychange", () => paint());
}
