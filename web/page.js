// The sign-up page. The link's token is in the address's fragment, which the browser sends to no server;
// from here it goes to the exchange in the body of a request, and nowhere else. Whatever comes back is
// shown as text, never as markup.
"use strict";

const csrfToken = document.querySelector('meta[name="csrf-token"]').content;
const sections = ["loading", "ask", "done", "failed"];

function show(name) {
  for (const section of sections) document.getElementById(section).hidden = section !== name;
  window.scrollTo(0, 0);
}

function fill(name, text) {
  for (const place of document.querySelectorAll(`[data-fill="${name}"]`)) place.textContent = text;
}

function fail(detail) {
  fill("failure", detail);
  // Most sentences say themselves that /register is the way on.
  document.getElementById("how-it-stands").hidden = detail.includes("/register");
  show("failed");
}

async function post(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrfToken },
      body: JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
    });
  } catch {
    return { refused: "unreachable", detail: "The page could not be reached. Are you online? Try again.", again: true };
  }
  try {
    const answer = await response.json();
    // What is broken for the moment may be tried again on this page; all else needs a new link.
    return { ...answer, again: response.status === 429 || response.status >= 500 };
  } catch {
    return { refused: "unreadable", detail: "The answer could not be read. Try again.", again: true };
  }
}

function ask(link) {
  fill("exchange", link.exchange);
  fill("name", link.name);
  fill("bonus", link.bonus);
  fill("retention", link.retention_days === 1 ? "1 day" : `${link.retention_days} days`);
  fill("proof", link.asks_discord ? ", and that Discord confirmed it is you" : "");
  fill("step", link.asks_discord ? "Discord will be asked to confirm that it is you." : "Not you? Then close this page.");
  document.getElementById("send").textContent = link.asks_discord ? "Continue with Discord" : "Sign up";
  show("ask");
}

function finish(answer) {
  if (answer.refused) return fail(answer.detail);
  // The link is used up; without it in the address, a reload does not look like a failure of it.
  history.replaceState(null, "", location.pathname);
  document.getElementById("granted").hidden = !answer.bonus;
  document.getElementById("held-back").hidden = !answer.bonus || answer.is_withheld;
  fill("granted", answer.bonus ?? "");
  fill("granted-how", answer.is_withheld ? "wait until a moderator has looked" : "granted to you");
  fill("done-title", answer.created ? `Welcome, ${answer.name}` : "You already have an account");
  const start = "Go back to the chat: /markets shows what is traded, /buy and /short take a side.";
  const before = "You have had this season's bonus before, so you start without one. ";
  const waits = "Many people signed up from your network at the same time, so a moderator looks at it before your bonus is granted. " +
    "You need not do anything. Go back to the chat: /portfolio shows when it is there.";
  fill("done-text", answer.is_withheld ? waits : answer.created && answer.had_bonus_before ? before + start : start);
  show("done");
}

async function send(token) {
  const problem = document.getElementById("problem");
  const button = document.getElementById("send");
  problem.hidden = true;
  button.disabled = true;
  const answer = await post("/api/sign-up/consent", { token, agrees: document.getElementById("agrees").checked });
  if (answer.go) return location.assign(answer.go);
  button.disabled = false;
  if (answer.refused === "no_consent" || answer.again) {
    problem.textContent = answer.detail;
    problem.hidden = false;
  } else {
    finish(answer);
  }
}

async function start() {
  const query = new URLSearchParams(location.search);
  if (query.has("state")) {
    history.replaceState(null, "", location.pathname);
    if (!query.has("code")) return fail("Discord was not allowed to confirm who you are. Open the link from the chat again.");
    return finish(await post("/api/sign-up/finish", { code: query.get("code"), state: query.get("state") }));
  }
  const token = location.hash.slice(1);
  if (!token) return fail("Open this page by the link that /register gives you in the chat.");
  const link = await post("/api/sign-up/look", { token });
  if (link.refused) return fail(link.detail);
  ask(link);
  document.getElementById("agrees").addEventListener("change", () => {
    document.getElementById("problem").hidden = true;
  });
  document.getElementById("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send(token);
  });
}

window.addEventListener("hashchange", () => location.reload());
start();
