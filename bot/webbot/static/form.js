// Forms open as dialogs. The answer to a submission takes the place of the form's message: another form means that
// something in it was wrong, anything else that it was taken.
import { $, $$, fragment, hear, on, refocus } from "./dom.js";
import { gesture, json, post } from "./api.js";
import { mine, busy } from "./actions.js";
import { paint } from "./times.js";

const modal = () => $("#modal");
const typed = new Map(); // what was typed into a form that was closed, by message
let current = null; // { message, channel }
let waiting = null;

function values(form) {
  return Object.fromEntries($$("[name]", form).map((f) => [f.name, f.value]));
}

export function open(article) {
  const template = $("template.form", article);
  if (!template) return;
  const d = modal();
  const again = d.open && current?.message === article.dataset.id;
  const before = again ? values($("form", d)) : typed.get(article.dataset.id);
  d.replaceChildren(template.content.cloneNode(true));
  paint(d);
  current = { message: article.dataset.id, channel: article.dataset.channel };
  const form = $("form", d);
  for (const f of $$("[name]", form)) {
    if (before?.[f.name] && !f.value && !f.dataset.match) f.value = before[f.name];
  }
  d.classList.toggle("wide", Boolean($("textarea", form)));
  check(form);
  if (!d.open) d.showModal();
  // A form that only asks whether: what cannot be undone is not a stray Enter away.
  const alone = form.matches(".danger") ? $("footer [data-close]", form) : $("[type=submit]", form);
  ($("[aria-invalid]", form) ?? $("[name]", form) ?? alone).focus();
}

// ask fills the suggestions of a field, a moment after the last letter.
let asking = null;
let pause = 0;
function ask(field) {
  clearTimeout(pause);
  asking?.abort();
  if (!field.dataset.asks) return;
  pause = setTimeout(async () => {
    asking = new AbortController();
    const q = new URLSearchParams({ path: field.dataset.asks, param: field.name, prefix: field.value, channel: current?.channel ?? "" });
    for (const f of $$("[name]", field.form)) if (f !== field && f.value && f.value.length < 500) q.set("arg." + f.name, f.value);
    try {
      const s = await json("/suggest?" + q, asking.signal);
      const offered = s.choices.map((c) => {
        const o = document.createElement("option");
        o.value = c.value;
        o.label = c.label !== c.value ? c.label : c.help || c.value;
        return o;
      });
      field.list.replaceChildren(...offered);
    } catch { /* a comfort; typing works without */ }
  }, 120);
}

// check keeps the button shut until what must be typed is typed.
function check(form) {
  const shut = $$("[data-match]", form).some((f) => f.value.trim() !== f.dataset.match);
  $("[type=submit]", form).disabled = shut;
}

function wrong(field, text) {
  const box = field.closest(".field");
  box.classList.toggle("wrong", Boolean(text));
  field.toggleAttribute("aria-invalid", Boolean(text));
  if (text) field.setAttribute("aria-invalid", "true");
  $(".error bdi", box).textContent = text;
}

async function submit(form) {
  if (waiting) return;
  const empty = $$("[name]", form).filter((f) => f.required && !f.value.trim());
  for (const f of $$("[name]", form)) wrong(f, empty.includes(f) ? "This is needed." : "");
  if (empty.length) return empty[0].focus();
  if ($("[type=submit]", form).disabled) return;
  const button = $("[type=submit]", form);
  busy(button, true);
  waiting = setTimeout(() => settle(), 20000);
  mine.set(current.message, {});
  try {
    await post("/submit", { id: gesture(), ...current, form: form.dataset.formId, values: values(form) });
  } catch (err) {
    settle();
    problem(form, err.message);
  }
}

function problem(form, text) {
  let p = $(".problem", form);
  if (!p) {
    p = fragment('<p class="problem error" role="alert"></p>').firstElementChild;
    $(".inner", form).append(p);
  }
  p.textContent = text;
}

function settle() {
  clearTimeout(waiting);
  waiting = null;
  const button = $("[type=submit]", modal());
  if (button) busy(button, false);
}

export function start() {
  on("click", "[data-form]", (_, b) => open(b.closest(".msg")));
  on("submit", "#modal form", (e, form) => { e.preventDefault(); submit(form); });
  on("input", "#modal [name]", (_, f) => { check(f.form); if (f.hasAttribute("aria-invalid")) wrong(f, ""); ask(f); });
  on("focusin", "#modal [data-asks]", (_, f) => ask(f));
  on("keydown", "#modal form", (e, form) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); form.requestSubmit(); }
  });
  modal().addEventListener("close", () => {
    const form = $("form", modal());
    if (form && current) typed.set(current.message, values(form));
    settle();
    current = null;
    refocus();
  });
  hear("message", (article) => {
    const own = mine.has(article.dataset.id);
    const form = $("template.form", article);
    const here = current?.message === article.dataset.id;
    if (form && own) {
      settle();
      open(article);
    } else if (here && !form) {
      current = null;
      typed.delete(article.dataset.id);
      modal().close();
    }
  });
}
