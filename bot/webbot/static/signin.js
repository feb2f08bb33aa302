// The door: one click in the demo, a token elsewhere.
import { $, on } from "./dom.js";
import { post } from "./api.js";

const problem = $("#problem");

async function enter(body, busy) {
  problem.textContent = "";
  busy.disabled = true;
  try {
    await post("/signin", body);
    location.replace(document.body.dataset.next);
  } catch (err) {
    problem.textContent = err.message;
    busy.disabled = false;
    $("#token")?.select();
  }
}

on("click", "[data-signin]", (_, b) => enter({ user: b.dataset.signin }, b));
on("submit", "#token-form", (e, form) => {
  e.preventDefault();
  enter({ token: $("#token").value }, $("button", form));
});
($("#token") ?? $("[data-signin]"))?.focus();
