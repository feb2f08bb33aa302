// Small things that every module needs. Markup comes from the server; text goes in through textContent.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

export const me = () => document.body.dataset.user;
export const phone = () => matchMedia("(max-width: 760px)").matches;

// fragment parses HTML that this server rendered. Scripts in it would not run, and the policy of the page forbids them.
export function fragment(html) {
  const t = document.createElement("template");
  t.innerHTML = html;
  return t.content;
}

export function clone(id) {
  return document.getElementById(id).content.cloneNode(true);
}

export function toast(text, bad = false, action = null) {
  const box = document.createElement("div");
  box.className = bad ? "toast bad" : "toast";
  const word = document.createElement("span");
  word.textContent = text;
  box.append(word);
  if (action) {
    const b = document.createElement("button");
    b.type = "button";
    b.className = "mini";
    b.textContent = action.label;
    b.addEventListener("click", () => { box.remove(); action.run(); });
    box.append(b);
  }
  $("#toasts").append(box);
  setTimeout(() => box.remove(), bad || action ? 9000 : 4000);
}

// say speaks to screen readers; the lists themselves stay silent, or every edit would be read out again.
export function say(text) {
  if (!text) return;
  const p = document.createElement("p");
  p.textContent = text;
  const log = $("#say");
  log.append(p);
  while (log.childElementCount > 12) log.firstChild.remove();
}

export function on(type, selector, run, root = document) {
  root.addEventListener(type, (e) => {
    const hit = e.target.closest?.(selector);
    if (hit) run(e, hit);
  });
}

// emit and hear are how modules tell each other what happened without importing each other.
export function emit(name, detail) {
  document.dispatchEvent(new CustomEvent("drey:" + name, { detail }));
}
export function hear(name, run) {
  document.addEventListener("drey:" + name, (e) => run(e.detail));
}

// refocus is for after a dialog. The browser gives the focus back, but leaves the selection in the field that went away:
// what is typed next would lead nowhere until the focus is given anew.
export function refocus() {
  const back = document.activeElement === document.body ? $("#line") : document.activeElement;
  back.blur();
  back.focus({ preventScroll: true });
}

// keep remembers something for this tab alone: lines may hold what should not outlive it.
export const keep = {
  get(key, or) {
    try { return JSON.parse(sessionStorage.getItem("drey:" + me() + ":" + key)) ?? or; } catch { return or; }
  },
  set(key, value) {
    try { sessionStorage.setItem("drey:" + me() + ":" + key, JSON.stringify(value)); } catch { /* full or forbidden: do without */ }
  },
};
