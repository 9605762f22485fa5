// Live regions: acknowledge what was applied, resume where we were, and fetch by plain GET where no socket gets through.
// One seam to htmx: four events of hx-ws 4.0.1. No inline script, no eval (strict CSP).
(() => {
  "use strict";
  const POLL_MS = 5000, GRACE_MS = 1500, QUIET_MS = 10000, ANSWER_MS = 4000, OVER = 4401, REFUSED = 4403;
  const WINDOW = 2;  // frames the server sends before it waits: web/live/limits.py
  const root = document.documentElement;
  let seq = null, epoch = null, timer = 0, lastGood = Date.now(), gone = false, open = null, unacknowledged = 0;

  const withResume = url => {
    const full = new URL(url, location.href);
    if (epoch !== null) { full.searchParams.set("since", seq); full.searchParams.set("epoch", epoch); }
    return full.href;
  };
  addEventListener("htmx:ws:before:connection", e => { e.detail.connection.url = withResume(e.detail.connection.url); });
  addEventListener("htmx:ws:after:connection", e => { open = e.detail.connection.socket; unacknowledged = 0; stopPolling(); show("live"); });
  addEventListener("htmx:ws:after:message:incoming", e => {
    const { connection, message } = e.detail;
    let frame;
    try { frame = JSON.parse(message.data); } catch { return; }
    if (!("seq" in frame)) return;
    seq = frame.seq; epoch = frame.epoch; stopPolling();
    connection.url = withResume(connection.url);
    show("live");
    unacknowledged += 1;
    if (unacknowledged < WINDOW || connection.socket?.readyState !== WebSocket.OPEN) return;
    connection.socket.send(JSON.stringify({ ack: seq }));
    unacknowledged = 0;
  });
  addEventListener("htmx:ws:close", e => {
    open = null;
    if (e.detail.reason === "removed" || gone) return;
    if (e.detail.code === OVER) { location.assign(signInAddress()); return; }
    if (e.detail.code === REFUSED) { gone = true; show("off"); return; }
    startPolling();
  });
  // A radio that went away closes nothing: a quiet socket is asked by a plain request, and given up when none answers.
  async function ask() {
    try {
      await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
      if (open) { stopPolling(); show("live"); }
    } catch { if (gone) return; show("off"); startPolling(); open?.close(); }
  }
  setInterval(() => { if (open && !document.hidden && Date.now() - lastGood > QUIET_MS) ask(); }, QUIET_MS);
  for (const name of ["offline", "online"]) addEventListener(name, () => { if (root.dataset.net) ask(); });
  addEventListener("pagehide", () => { gone = true; stopPolling(); });
  addEventListener("pageshow", e => { if (e.persisted) location.reload(); });

  function signInAddress() {
    const station = document.querySelector('form[action="/signout"] [name=station]')?.value || "";
    return "/signin?station=" + encodeURIComponent(station) + "&next=" + encodeURIComponent(location.pathname + location.search);
  }
  function startPolling() { if (!timer) timer = setTimeout(poll, GRACE_MS); }
  function stopPolling() { clearTimeout(timer); timer = 0; }
  async function poll() {
    const started = timer;
    if (!document.hidden) {
      const regions = [...document.querySelectorAll("[data-region]")];
      try {
        for (const region of regions) await refetch(region.id, region.dataset.region);
        if (regions.length) show("slow");
      } catch { show("off"); }
    }
    if (timer === started && timer) timer = setTimeout(poll, POLL_MS);
  }
  // Figures that move by themselves are no events: such a region is asked for, too, while the socket is open.
  setInterval(async () => {
    if (!open || timer || document.hidden) return;
    for (const region of document.querySelectorAll("[data-refresh]")) {
      try { await refetch(region.id, region.dataset.region, true); } catch { /* its age goes on; the socket is watched by itself */ }
    }
  }, POLL_MS);
  async function refetch(id, address, always) {
    const answer = await fetch(address, { headers: { "HX-Request": "true" }, cache: "no-store", redirect: "manual" });
    if (answer.status === 401 || answer.type === "opaqueredirect") { location.assign(signInAddress()); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text(), target = document.getElementById(id);
    if ((timer || always) && target) await htmx.swap({ target, sourceElement: target, swap: "outerMorph", text });
  }
  // The pill speaks only when something is wrong; data-net on <html> hatches what may be old.
  function show(state) {
    if (state !== "off") lastGood = Date.now();
    root.dataset.net = state;
    const pill = document.getElementById("net");
    if (!pill) return;
    pill.hidden = state === "live";
    pill.classList.toggle("s-warn", state === "off");
    const [words, since] = [pill.querySelector("span"), pill.querySelector("time")];
    words.textContent = pill.dataset[state];
    if (state === "off") since.dataset.since = lastGood; else { delete since.dataset.since; since.textContent = ""; }
    since.dataset.local = "1";
  }
  if (document.querySelector("[hx-ws\\:connect]:not([hx-ws\\:connect=''])")) startPolling();  // until the socket is open, if ever
})();
