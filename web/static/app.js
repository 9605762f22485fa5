// What plain forms and links cannot do alone: ages that count on, key pads, dialogs, one id for one act.
(() => {
  "use strict";
  const root = document.documentElement;
  const ahead = (+root.dataset.now || Date.now()) - Date.now();
  const [S, MIN, H, D] = (root.dataset.units || "s|min|h|d").split("|");
  const NBSP = "\u00a0";

  function age(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s >= 172800) return Math.floor(s / 86400) + NBSP + D;
    if (s >= 7200) return Math.floor(s / 3600) + NBSP + H;
    return s >= 60 ? Math.floor(s / 60) + NBSP + MIN : s + NBSP + S;
  }
  function put(element, text) { if (element.textContent !== text) element.textContent = text; }
  function tick() {
    const now = Date.now() + ahead;
    for (const e of document.querySelectorAll("time[data-since]")) put(e, age(((e.dataset.local ? Date.now() : now) - e.dataset.since) / 1000));
    for (const e of document.querySelectorAll("time[data-left]")) put(e, age(Math.ceil((e.dataset.left - now) / 1000)));
    for (const e of document.querySelectorAll("[data-until]")) if (+e.dataset.until <= now) e.remove();
    for (const e of document.querySelectorAll("[data-clock]")) put(e, clock.format(Date.now() + ahead));
  }
  const clock = new Intl.DateTimeFormat(root.lang, { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: root.dataset.zone || undefined });
  setInterval(tick, 500); tick();

  // An additive act keeps its id until the server has answered: a second tap or a retry is the same act.
  const pending = new Map();
  const fresh = () => { const b = crypto.getRandomValues(new Uint8Array(16)); return [...b].map(x => x.toString(16).padStart(2, "0")).join(""); };
  addEventListener("htmx:config:request", e => {
    const body = e.detail.ctx.request.body, action = e.detail.ctx.request.action;
    if (!(body instanceof FormData || body instanceof URLSearchParams) || !body.has("request_id")) return;
    const key = [action, ...[...body].filter(([name]) => name !== "request_id" && name !== "pin").flat()].join("|");
    if (!pending.has(key)) pending.set(key, fresh());
    body.set("request_id", pending.get(key));
    e.detail.ctx.lineside = key;
  });
  addEventListener("htmx:after:request", e => {
    const status = e.detail.ctx.response?.status ?? e.detail.ctx.response?.raw?.status ?? 0;
    if (e.detail.ctx.lineside && status && status < 500) pending.delete(e.detail.ctx.lineside);
  });

  // Dialogs: content arrives by hx-get; it opens when it is there and closes when its form is answered.
  const dialog = document.getElementById("dialog");
  addEventListener("htmx:after:swap", e => {
    const target = e.detail.ctx?.target;
    if (target === dialog && dialog.firstElementChild && !dialog.open) { dialog.setAttribute("aria-labelledby", "dialog-title"); dialog.showModal(); }
    if (e.detail.ctx?.sourceElement?.hasAttribute?.("data-closes") && dialog.open) dialog.close();
  });
  addEventListener("click", e => {
    const close = e.target.closest("[data-close]");
    if (close && dialog?.open) { e.preventDefault(); dialog.close(); }
    e.target.closest("#notices > .problem")?.remove();
    const theme = e.target.closest("[data-theme-set]");
    if (theme) setTheme(theme.dataset.themeSet);
    const key = e.target.closest("[data-key],[data-step]");
    if (key) press(key);
  });
  dialog?.addEventListener("close", () => dialog.replaceChildren());

  function press(key) {
    const input = key.closest("[data-keypad]").querySelector("input:not([type=hidden])");
    const typed = input.dataset.touched ? input.value : "";
    if (key.dataset.step) input.value = Math.max(Number(input.dataset.least), (parseInt(input.value, 10) || 0) + Number(key.dataset.step));
    else if (key.dataset.key === "clear") input.value = "";
    else if (key.dataset.key === "back") input.value = input.value.slice(0, -1);
    else if (typed.length < input.maxLength) input.value = typed + key.dataset.key;
    input.dataset.touched = "1";
    input.setCustomValidity("");
  }
  // With our own key pad there is no need for the device's keyboard.
  function ownKeypads() {
    for (const input of document.querySelectorAll("[data-keypad] input:not([type=hidden])")) if (matchMedia("(pointer: coarse)").matches) input.inputMode = "none";
  }
  addEventListener("htmx:after:swap", ownKeypads); ownKeypads();

  function setTheme(name) {
    root.dataset.theme = name;
    document.cookie = "lineside_theme=" + name + ";path=/;max-age=31536000;samesite=lax";
    for (const b of document.querySelectorAll("[data-theme-set]")) b.setAttribute("aria-pressed", String(b.dataset.themeSet === name));
  }
  for (const e of document.querySelectorAll(".themes")) e.hidden = false;

  // A wedge scanner types: separators come as Ctrl+] and its like, which a field would swallow; no focus is needed.
  const SEPARATORS = { "]": "\u241d", "^": "\u241e", "6": "\u241e", "d": "\u2404" };
  addEventListener("keydown", e => {
    const scan = document.querySelector("input[data-scan]");
    if (!scan) return;
    if (e.target === scan && e.ctrlKey && !e.altKey && SEPARATORS[e.key.toLowerCase()]) {
      e.preventDefault(); scan.setRangeText(SEPARATORS[e.key.toLowerCase()], scan.selectionStart, scan.selectionEnd, "end");
    } else if (!e.target.closest?.("input,select,textarea,dialog") && e.key.length === 1 && e.key !== " " && !e.ctrlKey && !e.metaKey && !e.altKey) scan.focus();
  });

  // Scans at a scanner's speed: one after the other, each with what the answer before it left in the form.
  const scanForm = document.querySelector("[data-scan-form]");
  if (scanForm) {
    const field = scanForm.querySelector("[data-scan]"), failed = document.getElementById("scan-failed"), said = document.getElementById("scan-said");
    const waiting = [], FAST_MS = 50;
    let busy = false, audio = null, begunAt = 0, keys = 0;
    // Some scanners end with Tab; a person's label takes longer, key by key. One key may be late.
    addEventListener("keydown", e => {
      if (document.activeElement !== field) return;
      if (!field.value) { begunAt = e.timeStamp; keys = 0; }
      const fast = e.timeStamp - begunAt < FAST_MS * keys;
      keys += 1;
      if (e.key === "Tab" && !e.shiftKey && fast && field.value) { e.preventDefault(); scanForm.requestSubmit(); }
    });
    const ours = e => e.detail?.ctx?.sourceElement === scanForm;
    addEventListener("submit", e => {
      if (e.target !== scanForm || !window.htmx) return;
      if (busy) { e.preventDefault(); e.stopImmediatePropagation(); waiting.push([field.value, e.submitter]); field.value = ""; return; }
      busy = true;
    }, true);
    addEventListener("htmx:config:request", e => { if (ours(e)) field.value = ""; });
    addEventListener("htmx:error", e => {
      if (!e.detail?.ctx?.sourceElement?.closest?.("#scan-said,[data-scan-form]")) return;
      failed.hidden = false; waiting.length = 0; sound("no");
    });
    addEventListener("htmx:after:request", e => { if (e.detail.ctx.target === said) failed.hidden = true; });
    addEventListener("htmx:finally:request", e => {
      if (!ours(e)) return;
      busy = false;
      const next = waiting.shift();
      if (!next) return;
      const half = field.value;
      field.value = next[0];
      scanForm.requestSubmit(next[1] || undefined);
      field.value = half;
    });
    addEventListener("htmx:after:swap", e => {
      if (e.detail.ctx?.target !== said) return;
      const answer = said.querySelector("[data-sound]");
      sound(answer?.dataset.sound);
      put(document.getElementById("scan-spoken"), answer?.querySelector("div")?.innerText || "");
      // Where the device has its own keyboard a focus would bring it up after a tap; the scanner's first key focuses.
      if (document.activeElement === document.body && !matchMedia("(pointer: coarse)").matches) field.focus({ preventScroll: true });
    });
    function sound(kind) {
      if (kind === "no") navigator.vibrate?.(200);
      try {
        audio ||= new AudioContext();
        const tone = audio.createOscillator(), volume = audio.createGain();
        tone.frequency.value = { ok: 1320, ask: 880, no: 220 }[kind] || 880;
        volume.gain.value = 0.08;
        tone.connect(volume).connect(audio.destination);
        tone.start(); tone.stop(audio.currentTime + (kind === "no" ? 0.45 : 0.09));
      } catch { /* a browser without sound still has shape and word */ }
    }
  }
  for (const b of document.querySelectorAll("[data-print]")) { b.hidden = false; b.addEventListener("click", () => print()); }

  if ("wakeLock" in navigator) {
    const awake = () => document.visibilityState === "visible" && navigator.wakeLock.request("screen").catch(() => {});
    addEventListener("visibilitychange", awake); awake();
  }
})();
