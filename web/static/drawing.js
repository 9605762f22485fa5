// The drawn genealogy grows in place: what is behind a box comes into the same drawing, beside it.
(() => {
  "use strict";
  const svg = document.querySelector("svg.layers[data-most]");
  if (!svg) return;
  // Measures of web/trace/views.py.
  const WIDTH = 324, HEIGHT = 72, GAP = 56, PITCH_X = 380, PITCH_Y = 88, BEND = 8;
  const said = document.getElementById("drawing-said"), paths = svg.querySelector(".ties");
  const number = new Intl.NumberFormat(document.documentElement.lang), words = (text, n) => text.replace("{n}", number.format(n));
  const nodes = new Map();
  let root = null, busy = false;

  const full = () => nodes.size >= +svg.dataset.most;

  // A lot drawn: its ties to what is behind it, and `by`, the lot it stands behind in the drawing.
  function known(g) {
    const button = g.querySelector(".grow");
    const node = { lot: g.dataset.lot, g, button, level: +g.dataset.level, ties: new Map(), by: null, more: null, first: false, x: -1, y: -1 };
    if (button) button.node = node;
    nodes.set(node.lot, node);
    return node;
  }
  function tie(near, far, path, maybe) {
    if (near === far || near.ties.has(far)) return;
    if (!path) {
      path = document.createElementNS(svg.namespaceURI, "path");
      path.setAttribute("class", maybe ? "tie maybe" : "tie");
      paths.append(path);
    }
    near.ties.set(far, path);
    if (!far.by && far !== root) far.by = near;
  }
  for (const g of svg.querySelectorAll(".drawn-node")) { const node = known(g); node.first = true; root ||= node; }
  for (const path of paths.children) tie(nodes.get(path.dataset.near), nodes.get(path.dataset.far), path);
  const rests = [...svg.querySelectorAll(".node-more")].map(text => ({ text, level: +text.dataset.level, count: +text.dataset.count }));

  // From the root on, each in a row of its own but the first behind a lot, which stands beside it.
  function layout() {
    let free = 0, wide = 0;
    const bottom = [];
    const waiting = [[root, 0, 0]];
    while (waiting.length) {
      const [one, level, beside] = waiting.pop();
      const row = beside < 0 ? free : beside;
      free = Math.max(free, row + 1);
      wide = Math.max(wide, level);
      bottom[level] = row;
      move(one, level * PITCH_X + 2, row * PITCH_Y + (PITCH_Y - HEIGHT) / 2);
      if (!one.ties) continue;
      one.level = level;
      const behind = [...one.ties.keys()].filter(far => far.by === one);
      if (one.more) behind.push(one.more);
      for (let n = behind.length - 1; n >= 0; n--) waiting.push([behind[n], level + 1, n ? -1 : row]);
    }
    for (const node of nodes.values()) for (const [far, path] of node.ties) draw(path, node, far);
    for (const rest of rests) {
      const row = (bottom[rest.level] ?? 0) + 1;
      rest.text.setAttribute("y", row * PITCH_Y + 48);
      if (rest.count) free = Math.max(free, row + 1);
    }
    size((wide + 1) * PITCH_X - GAP + 4, free * PITCH_Y);
  }
  function move(one, x, y) {
    if (one.x === x && one.y === y) return;
    one.x = x; one.y = y;
    one.g.setAttribute("transform", `translate(${x} ${y})`);
  }
  function draw(path, near, far) {
    const x1 = near.x + WIDTH, y1 = near.y + HEIGHT / 2, x2 = far.x, y2 = far.y + HEIGHT / 2, middle = x1 + GAP / 2;
    let d = `M${x1} ${y1}C${x1 + GAP} ${y1} ${x2 - GAP} ${y2} ${x2} ${y2}`;
    if (far.by === near) d = y1 === y2 ? `M${x1} ${y1}H${x2}`
      : `M${x1} ${y1}H${middle - BEND}Q${middle} ${y1} ${middle} ${y1 + BEND}V${y2 - BEND}Q${middle} ${y2} ${middle + BEND} ${y2}H${x2}`;
    if (path.drawn !== d) path.setAttribute("d", path.drawn = d);
  }
  function size(width, height) {
    svg.setAttribute("width", width); svg.setAttribute("height", height); svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }

  // Steps come as the server draws them, a page at a time; `after` is what they are put behind, in the order of reading.
  function take(node, page, after) {
    let left = 0, added = null;
    for (const g of page.querySelectorAll(".drawn-node")) {
      let far = nodes.get(g.dataset.lot);
      if (!far) {
        if (full()) { left++; continue; }
        far = known(g);
        after.after(g);
        after = g;
        added ||= g;
        const rest = node.first && rests.find(one => one.level === node.level + 1);
        if (rest && rest.count) { rest.count--; rest.text.textContent = rest.count ? words(svg.dataset.more, rest.count) : ""; }
      }
      tie(node, far, null, "maybe" in g.dataset);
    }
    const more = page.querySelector(".drawn-more");
    if (more && !left) {
      after.after(more);
      node.more = { g: more, x: -1, y: -1 };
      more.firstElementChild.of = node;
    }
    layout();
    say(left || (more && full()) ? "full" : "drawn");
    return added;
  }
  function say(what) { said.textContent = words(said.dataset[what], nodes.size); }

  async function step(node, address) {
    if (busy) return null;
    busy = true;
    try {
      const answer = await fetch(address);
      const page = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("svg");
      if (page && !answer.redirected) return page;
      say("failed");
    } catch { say("failed"); } finally { busy = false; }
    return null;
  }
  async function open(node) {
    const page = await step(node, node.button.dataset.grow);
    if (!page) return;
    take(node, page, node.g);
    node.button.setAttribute("aria-expanded", "true");
  }
  async function goOn(node, link) {
    if (full()) { say("full"); return; }
    const { g } = node.more, focused = document.activeElement === link;
    const page = await step(node, g.dataset.next);
    if (!page) return;
    const before = g.previousElementSibling;
    g.remove();
    node.more = null;
    const added = take(node, page, before);
    if (focused) (added || node.g).querySelector("a").focus();
  }
  // What nothing drawn leads to any more leaves the drawing.
  function close(node) {
    forget(node);
    const reached = new Set([root]);
    for (const near of reached) for (const far of near.ties.keys()) reached.add(far);
    for (const one of nodes.values()) if (!reached.has(one)) { forget(one); one.g.remove(); nodes.delete(one.lot); }
    for (const one of reached) if (one.by && !(reached.has(one.by) && one.by.ties.has(one))) one.by = null;
    for (const near of reached) for (const far of near.ties.keys()) if (far !== root) far.by ||= near;
    node.button.setAttribute("aria-expanded", "false");
    layout();
    say("drawn");
  }
  function forget(one) {
    for (const path of one.ties.values()) path.remove();
    one.ties.clear();
    one.more?.g.remove();
    one.more = null;
  }

  function act(e) {
    const link = e.target.closest?.(".grow, .drawn-more a");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    if (link.of) goOn(link.of, link);
    else if (link.getAttribute("aria-expanded") === "true") close(link.node);
    else open(link.node);
  }
  svg.addEventListener("click", act);
  svg.addEventListener("keydown", e => { if (e.key === " " && e.target.closest(".grow, .drawn-more a")) act(e); });
  svg.classList.add("grows");
  document.getElementById("drawing-goes-on")?.remove();
  layout();
})();
