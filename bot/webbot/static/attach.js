// Files that go with a line: chosen, dropped or pasted, shown above it until it is sent.
import { $, $$, clone, on, toast } from "./dom.js";
import { takers } from "./palette.js";

const kept = new Map(); // what is attached, by draft: a look at another channel loses nothing

const most = () => Number(document.body.dataset.fileMax);
const many = () => Number(document.body.dataset.filesMax);

export function sized(n) {
  if (n < 1000) return n + " B";
  return n < 1e6 ? (n / 1e3).toFixed(1) + " kB" : (n / 1e6).toFixed(1) + " MB";
}

// chips are files as small labels.
export function chips(files, template) {
  return files.map((f) => {
    const chip = clone(template);
    $("bdi", chip).textContent = f.name;
    $(".dim", chip).textContent = sized(f.size);
    return chip;
  });
}

const endsIn = (name, endings) => (endings ?? []).some((e) => name.toLowerCase().endsWith(e));

// problem says why files cannot be sent.
function problem(files) {
  if (files.length > many()) return `At most ${many()} files can be sent at once.`;
  if (files.reduce((sum, f) => sum + f.size, 0) > most()) return `That is too large: ${sized(most())} is the most that can be sent at once.`;
  const odd = takers().length > 0 && files.find((f) => !takers().some((c) => endsIn(f.name, c.files)));
  if (odd) return `No command takes ${odd.name}: drey takes ${[...new Set(takers().flatMap((c) => c.files))].join(", ")}.`;
  return "";
}

export class Attached {
  constructor(form, line, draft) {
    this.list = $(".attached", form);
    this.input = $("input[type=file]", form);
    this.line = line;
    this.draft = draft;
    $("[data-attach]", form).addEventListener("click", () => {
      this.input.accept = takers().flatMap((c) => c.files).join(",");
      this.input.click();
    });
    this.input.addEventListener("change", () => { this.add([...this.input.files]); this.input.value = ""; });
    this.list.addEventListener("click", (e) => {
      const at = $$(".unattach", this.list).indexOf(e.target.closest(".unattach"));
      if (at >= 0) this.set(this.files.filter((_, i) => i !== at));
      line.focus();
    });
    form.addEventListener("drey-files", (e) => this.add(e.detail));
    this.show();
  }

  get files() { return kept.get(this.draft()) ?? []; }

  set(files) {
    if (files.length) kept.set(this.draft(), files); else kept.delete(this.draft());
    this.show();
  }

  // add attaches files; an empty line begins with the command that takes such a one.
  add(files) {
    const all = [...this.files, ...files];
    const wrong = problem(all);
    if (wrong) return toast(wrong, true);
    this.set(all);
    const fits = takers().filter((c) => endsIn(files[0].name, c.files));
    const command = fits.find((c) => c.opens) ?? fits[0];
    if (command && !this.line.value.trim()) {
      this.line.value = command.path + " ";
      this.line.dispatchEvent(new Event("input", { bubbles: true }));
    }
    this.line.focus();
    this.line.setSelectionRange(this.line.value.length, this.line.value.length);
  }

  show() {
    this.list.replaceChildren(...chips(this.files, "t-attached"));
    $$(".unattach", this.list).forEach((b, i) => b.setAttribute("aria-label", "Remove " + this.files[i].name));
    this.list.hidden = this.files.length === 0;
  }

  // take empties the list.
  take() {
    const files = this.files;
    this.set([]);
    return files;
  }
}

const withFiles = (e) => e.dataTransfer?.types.includes("Files");
const composerAt = (e) => $(".composer", e.target.closest?.("#thread, #main") ?? $("#main"));

// start lets files be dropped anywhere: into the thread where the pointer is over it, else into the channel.
export function start() {
  let clear = 0;
  const over = (form) => { for (const f of $$(".composer")) f.classList.toggle("dropping", f === form); };
  document.addEventListener("dragover", (e) => {
    if (!withFiles(e)) return;
    e.preventDefault();
    const shut = Boolean($("dialog[open]"));
    e.dataTransfer.dropEffect = shut ? "none" : "copy";
    over(shut ? null : composerAt(e));
    clearTimeout(clear);
    clear = setTimeout(() => over(null), 400); // the pointer left the window
  });
  document.addEventListener("drop", (e) => {
    if (!withFiles(e)) return;
    e.preventDefault(); // or the browser would leave the page for the file
    clearTimeout(clear);
    over(null);
    const files = [...e.dataTransfer.files];
    if (files.length && !$("dialog[open]")) give(composerAt(e), files);
  });
  on("paste", ".composer textarea", (e, line) => {
    const files = [...(e.clipboardData?.files ?? [])];
    if (!files.length || e.clipboardData.types.includes("text/plain")) return;
    e.preventDefault();
    give(line.form, files);
  });
}

function give(form, files) { form.dispatchEvent(new CustomEvent("drey-files", { detail: files })); }
