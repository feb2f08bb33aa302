// What to type next: the published commands, matched here, and arguments, asked of drey.
import { $, hear } from "./dom.js";
import { json } from "./api.js";

let commands = [];

async function load() {
  try { commands = await json("/commands"); } catch { /* the list is a comfort; typing works without */ }
}

export function start() {
  load();
  hear("commands", load);
}

// takers are the commands that take files.
export const takers = () => commands.filter((c) => c.files);

export const usage = (c) => [c.path, ...c.params.map((p) => (p.required ? `<${p.name}>` : `[${p.name}]`))].join(" ");

// commandOf finds the command that a line has come past.
function commandOf(line) {
  const words = line.toLowerCase().replace(/\s+/g, " ");
  return commands.filter((c) => words.startsWith(c.path + " ")).sort((a, b) => b.path.length - a.path.length)[0];
}

function rank(path, help, query) {
  if (path === query) return 0;
  if (path.startsWith(query)) return 1;
  const bare = query.replace(/^\//, "");
  if (bare && path.split(/[ /]/).some((w) => w.startsWith(bare))) return 2;
  const last = bare.split(" ").pop();
  if (bare.includes(" ") && path.startsWith("/" + bare.slice(0, bare.lastIndexOf(" ") + 1)) && path.includes(last)) return 2;
  if (bare.length > 2 && (path.includes(bare) || help.toLowerCase().includes(bare))) return 3;
  return 9;
}

function matching(line) {
  const query = line.toLowerCase().replace(/\s+/g, " ");
  // Among equals the published order stands: it begins with what only reads.
  return commands.map((c) => ({ c, r: rank(c.path, c.help, query) })).filter((x) => x.r < 9)
    .sort((a, b) => a.r - b.r).map((x) => x.c);
}

const enc = new TextEncoder();
const bytes = (s) => enc.encode(s).length;
const index = (s, at) => new TextDecoder().decode(enc.encode(s).slice(0, at)).length;

export class Palette {
  constructor(form, line, where) {
    this.box = $(".palette", form);
    this.list = $("[role=listbox]", form);
    this.hint = $(".usage", form);
    this.below = $(".usageline", form);
    this.line = line;
    this.where = where;
    this.items = [];
    this.at = -1;
    this.list.addEventListener("pointerdown", (e) => {
      const li = e.target.closest("li");
      if (!li) return;
      e.preventDefault();
      this.take(this.items[[...this.list.children].indexOf(li)]);
    });
  }

  get open() { return !this.box.hidden; }

  close() {
    this.abort?.abort();
    clearTimeout(this.timer);
    this.box.hidden = true;
    this.line.setAttribute("aria-expanded", "false");
    this.line.removeAttribute("aria-activedescendant");
  }

  // update looks at what was typed. quiet forgets what Esc closed.
  update() {
    const text = this.line.value;
    const caret = this.line.selectionStart;
    const typed = text.slice(0, caret);
    if (!text.startsWith("/")) { this.below.textContent = ""; return this.close(); }
    const command = commandOf(typed);
    this.below.textContent = command ? usage(command) : "";
    const found = typed.includes("\n") ? [] : matching(typed);
    const local = found.map((c) => ({ label: c.path, help: c.help, command: c, text: c.path + " ", from: 0, to: caret }));
    if (!command) {
      this.abort?.abort();
      clearTimeout(this.timer);
      return this.show(local, "", local.length > 0);
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(text, caret, command), 90);
  }

  async ask(text, caret, command) {
    this.abort?.abort();
    this.abort = new AbortController();
    const q = new URLSearchParams({ line: text, at: bytes(text.slice(0, caret)), ...this.where() });
    try {
      const s = await json("/suggest?" + q, this.abort.signal);
      if (this.line.value !== text) return;
      const from = index(text, s.from);
      const to = index(text, s.to);
      const word = text.slice(from, to);
      const items = s.choices.map((c) => ({ label: c.label, help: c.help, text: c.value, from, to }));
      this.below.textContent = s.hint || usage(command);
      this.show(items, s.hint || usage(command), word !== "");
    } catch (err) {
      if (err.name !== "AbortError") this.close();
    }
  }

  show(items, hint, choose) {
    this.items = items.slice(0, 50);
    this.hint.textContent = hint;
    this.hint.hidden = !hint;
    this.list.replaceChildren(...this.items.map((item, i) => this.row(item, i)));
    this.box.hidden = this.items.length === 0;
    this.line.setAttribute("aria-expanded", String(this.open));
    this.choose(choose ? 0 : -1);
  }

  row(item, i) {
    const li = document.createElement("li");
    li.role = "option";
    li.id = this.list.id + "-" + i;
    const name = document.createElement("bdi");
    name.className = "name";
    name.textContent = item.label;
    const help = document.createElement("span");
    help.className = "what";
    help.textContent = item.help ?? "";
    li.append(name, help);
    if (item.command) {
      const params = document.createElement("span");
      params.className = "params";
      params.textContent = item.command.params.map((p) => (p.required ? `<${p.name}>` : `[${p.name}]`)).join(" ");
      name.after(params);
    }
    return li;
  }

  choose(i) {
    this.at = i;
    [...this.list.children].forEach((li, n) => li.setAttribute("aria-selected", String(n === i)));
    const li = this.list.children[i];
    if (li) {
      this.line.setAttribute("aria-activedescendant", li.id);
      li.scrollIntoView({ block: "nearest" });
    } else {
      this.line.removeAttribute("aria-activedescendant");
    }
  }

  take(item) {
    const text = this.line.value;
    const rest = text.slice(item.to);
    const space = item.command || rest.startsWith(" ") || item.text.endsWith(" ") ? "" : " ";
    this.line.setRangeText(item.text + space, item.from, item.to, "end");
    this.close();
    this.line.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // finished says that taking the chosen item would add nothing but a space: then Enter means send.
  finished() {
    const item = this.items[this.at];
    if (!item) return true;
    const typed = this.line.value.slice(item.from, item.to).trim();
    return typed === item.text.trim();
  }

  // key handles a key while the list is open; it says whether it did.
  key(e) {
    if (!this.open) return false;
    const n = this.items.length;
    if (e.key === "ArrowDown") this.choose((this.at + 1) % n);
    else if (e.key === "ArrowUp") this.choose((this.at - 1 + n) % n);
    else if (e.key === "Escape") this.close();
    else if (e.key === "Tab" && !e.shiftKey) this.take(this.items[Math.max(this.at, 0)]);
    else if (e.key === "Enter" && !e.shiftKey && !this.finished()) this.take(this.items[this.at]);
    else return false;
    e.preventDefault();
    return true;
  }
}
