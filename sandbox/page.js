// The preview's page answers a test; these are the habits of Discord's own client that a person misses there.

const NEAR_PIXELS = 40;
const HAND_MILLISECONDS = 500;
const LOOK_MILLISECONDS = 50;
const PATIENCE_MILLISECONDS = 5000;

const timeline = document.getElementById("channel-timeline");
const composer = document.getElementById("channel-composer");

// The conversation stays at its newest message, unless one scrolls away by hand, until one sends something.
let following = true;
let handMovedAt = -Infinity;

const showNewest = () => { if (following) timeline.scrollTop = timeline.scrollHeight; };
const handMoved = () => { handMovedAt = performance.now(); };
const sent = () => { following = true; showNewest(); };

for (const kind of ["wheel", "touchmove", "keydown"]) timeline.addEventListener(kind, handMoved, { passive: true });
timeline.addEventListener("pointerdown", ({ target }) => { if (target === timeline) handMoved(); });
timeline.addEventListener("scroll", () => {
  if (performance.now() - handMovedAt > HAND_MILLISECONDS) showNewest();
  else following = timeline.scrollHeight - timeline.scrollTop - timeline.clientHeight < NEAR_PIXELS;
});
const resized = new ResizeObserver(showNewest);
resized.observe(timeline);
resized.observe(document.getElementById("channel-message-list"));
composer.addEventListener("submit", sent, true);
composer.addEventListener("keydown", ({ key }) => { if (key === "Enter") sent(); }, true);
document.getElementById("new-messages").addEventListener("click", sent);

// The preview drops what is sent while it is busy, be it only with a suggestion: an Enter waits for it instead.
const busy = () => {
  const { ready, awaitingRevision, publishedRevision } = window.simcordPreview;
  return !ready || awaitingRevision > publishedRevision;
};
const choosing = () => document.querySelector('.command-popup:not([hidden]) [aria-selected="true"]');
composer.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || !event.isTrusted || choosing() || !busy()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const since = performance.now();
  const waiting = setInterval(() => {
    if (busy() && performance.now() - since < PATIENCE_MILLISECONDS) return;
    clearInterval(waiting);
    const again = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
    if (composer.contains(document.activeElement)) document.activeElement.dispatchEvent(again);
  }, LOOK_MILLISECONDS);
}, true);

document.addEventListener("focusin", ({ target }) => {
  // An option's choices are asked for when its field is entered, not only at its first letter.
  if (target.matches('.command-option-input[aria-autocomplete="list"]') && !target.value) {
    setTimeout(() => target.dispatchEvent(new Event("input", { bubbles: true })));
  }
  // A command that needs no option is sent by the next Enter, which would otherwise pick an option for it.
  if (target.matches(".command-chip")) {
    setTimeout(() => target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })));
  }
});

// A line that means no command stays in the composer, and above it stands what is wrong with it, until it is changed.
const hint = document.createElement("p");
hint.id = "line-hint";
hint.setAttribute("role", "status");
composer.prepend(hint);
const say = (sentence) => { hint.textContent = sentence; };
composer.addEventListener("input", () => say(""), true);

const ask = window.fetch.bind(window);
window.fetch = async (address, options) => {
  const answer = await ask(address, options);
  if (options?.method === "POST" && String(address).endsWith("/api/action")) {
    void answer.clone().json().then((receipt) => { if (receipt.hint) say(receipt.hint); }, () => {});
  }
  return answer;
};
