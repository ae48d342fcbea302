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
  // By the time it is told, the field may be gone with its command, and the preview may not be asked about it then.
  const tell = (event) => setTimeout(() => { if (target.isConnected) target.dispatchEvent(event); });
  // An option's choices are asked for when its field is entered, not only at its first letter.
  if (target.matches('.command-option-input[aria-autocomplete="list"]') && !target.value) {
    tell(new Event("input", { bubbles: true }));
  }
  // A command that needs no option is sent by the next Enter, which would otherwise pick an option for it.
  if (target.matches(".command-chip")) tell(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
});

// Escape leaves a command that is being filled in, once no list of suggestions is open that it closes first.
composer.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.isTrusted || document.querySelector(".command-popup:not([hidden])")) return;
  document.querySelector(".command-context-close")?.click();
}, true);

// Earlier messages are offered where they would be, not over the conversation wherever one reads.
const earlier = document.getElementById("history-older");
const placeEarlier = () => earlier.classList.toggle("is-far", timeline.scrollTop > NEAR_PIXELS);
timeline.addEventListener("scroll", placeEarlier, { passive: true });
placeEarlier();

// Above the composer stands how to go on with the line that is being typed, or, once it is sent in vain, what is wrong.
const hint = document.createElement("p");
hint.id = "line-hint";
hint.setAttribute("role", "status");
composer.prepend(hint);
const say = (sentence, wrong) => {
  hint.textContent = sentence;
  hint.classList.toggle("is-wrong", wrong);
};

// A tab of before a restart, or one that slept for long, is forgotten there: it opens itself anew. One whose very
// address is refused can only be told where to go.
let leaving = false;
const forgotten = new Set([401, 410]);
const gone = (answer, options) => {
  if (!forgotten.has(answer.status) || options?.keepalive) return false;
  if (!String(answer.url).endsWith("/api/pages")) return true;
  const advice = document.createElement("p");
  advice.id = "address-refused";
  advice.textContent = "The sandbox does not know this address. Open the one that it printed when it was started.";
  document.body.replaceChildren(advice);
  return false;
};

let credentials = {};
const ask = window.fetch.bind(window);
window.fetch = async (address, options) => {
  if (options?.headers?.["X-Simcord-Context"]) credentials = options.headers;
  const answer = await ask(address, options);
  if (!leaving && gone(answer, options)) {
    leaving = true;
    window.location.reload();
  }
  if (options?.method === "POST" && String(address).endsWith("/api/action")) {
    const sending = String(options.body).includes('"kind":"send_message"');
    void answer.clone().json().then(({ hint: wrong }) => { if (sending) say(wrong ?? "", Boolean(wrong)); }, () => {});
  }
  return answer;
};
composer.addEventListener("input", async ({ target }) => {
  say("", false);
  const line = target.value;
  if (target.id !== "channel-composer-input" || !/^\/\S+\s/.test(line)) return;
  const headers = { ...credentials };
  const answer = await ask(`/api/advice?line=${encodeURIComponent(line)}`, { headers }).catch(() => null);
  const advice = answer?.ok ? (await answer.json()).advice : "";
  if (target.isConnected && target.value === line) say(advice, false);
}, true);

// Of the preview's own words only those stay that a person can use; the rest tell of its workings.
const watch = (element, look) => {
  new MutationObserver(look).observe(element, { childList: true, characterData: true, subtree: true });
  look();
};
const status = document.getElementById("action-status");
watch(status, () => {
  status.classList.toggle("is-news", /^(Connection|Action (was not|outcome)|Preview session)/.test(status.textContent));
});
watch(document.body, () => {
  for (const heading of document.querySelectorAll(".command-popup-heading")) {
    if (!heading.textContent.startsWith("OPTIONS MATCHING")) continue;
    heading.textContent = document.activeElement?.dataset.option ?? "options";
  }
  for (const guidance of document.querySelectorAll(".select-guidance")) {
    if (guidance.textContent.endsWith("Choose 1–1 options.")) guidance.hidden = true;
  }
});

// Who one looks as stays the same when the page is loaded again.
const viewer = document.getElementById("viewer-picker");
const remembered = sessionStorage.getItem("viewer");
viewer.addEventListener("change", () => sessionStorage.setItem("viewer", viewer.value));
const restoring = setInterval(() => {
  if (!window.simcordPreview?.ready || !viewer.options.length) return;
  clearInterval(restoring);
  if (![...viewer.options].some(({ value }) => value === remembered) || viewer.value === remembered) return;
  viewer.value = remembered;
  viewer.dispatchEvent(new Event("change"));
}, LOOK_MILLISECONDS);
