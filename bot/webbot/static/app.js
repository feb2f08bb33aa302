// The console's start: every module wires what it knows.
import { $, $$, hear, on, toast } from "./dom.js";
import { post } from "./api.js";
import * as times from "./times.js";
import * as stream from "./stream.js";
import * as palette from "./palette.js";
import * as composer from "./composer.js";
import * as attach from "./attach.js";
import * as actions from "./actions.js";
import * as form from "./form.js";
import * as channels from "./channels.js";

times.start();
palette.start();
actions.start();
channels.start();
form.start();
composer.start();
attach.start();
stream.start();

on("click", "#me [data-signin]", async (_, b) => {
  try {
    await post("/signin", { user: b.dataset.signin });
    location.reload();
  } catch (err) {
    toast(err.message, true);
  }
});
on("click", "[data-signout]", async () => {
  try {
    await post("/signout", {});
    location.assign("/signin");
  } catch (err) {
    toast(err.message, true);
  }
});
document.addEventListener("click", (e) => { if (!e.target.closest("#me")) $("#me").open = false; });
document.addEventListener("keydown", (e) => { if (e.key === "Escape") $("#me").open = false; });

// Whoever waits longer than drey ever works on a call is told that nothing will come: it was restarted meanwhile.
setInterval(() => {
  for (const word of $$(".msg[data-waiting] .working span")) {
    const row = word.closest(".msg");
    if (row.matches(".local") || Date.now() - new Date(row.dataset.at) < 180e3) continue;
    word.textContent = "No answer came; drey may have been restarted. Look at /drey operations before you ask again.";
    row.querySelector(".i-spin")?.remove();
    delete row.dataset.waiting;
  }
}, 15000);

let told = false;
hear("updated", () => {
  if (told) return;
  told = true;
  toast("drey was updated.", false, { label: "Reload", run: () => location.reload() });
});
document.documentElement.dataset.ready = "true";
