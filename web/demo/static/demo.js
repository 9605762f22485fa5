// The line is asked for again each second. Buttons are plain forms.
(() => {
  "use strict";
  setInterval(async () => {
    try {
      const answer = await fetch("/line", { cache: "no-store" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("line");
      if (fresh) document.getElementById("line").replaceWith(fresh);
    } catch { document.getElementById("line").classList.add("t-away"); }
  }, 1000);
})();
