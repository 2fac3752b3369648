package browsertest

// Flaws is an expression, for Eval[[]string], that looks at the page as it stands and lists what a reader would stumble over: what is cut off,
// lies beyond the edge, or is too small or too faint to read or to tap.
const Flaws = `(() => {
  const found = [];
  const width = document.documentElement.clientWidth; // innerWidth grows with the content on a phone
  if (document.documentElement.scrollWidth > width)
    found.push("scrolls sideways: " + document.documentElement.scrollWidth + " > " + width);
  for (const e of document.querySelectorAll("button, a, input:not([type=hidden])")) {
    const box = e.getBoundingClientRect();
    if (box.height < 44 || box.width < 44) found.push("too small to tap: " + e.textContent.trim() + " " + box.width + "x" + box.height);
    if (box.left < 0 || box.right > width) found.push("beyond the edge: " + e.textContent.trim());
  }
  const rgb = c => { const n = c.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (style.backgroundImage.startsWith("linear-gradient")) return rgb(style.backgroundImage.match(/rgba?\([^)]*\)/)[0]);
      const c = rgb(style.backgroundColor);
      if (c[3] === 1) return c;
    }
    return [255, 255, 255, 1];
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const e = node.parentElement;
    if (!node.data.trim() || e.closest(".unseen, noscript, svg")) continue;
    const style = getComputedStyle(e), a = light(rgb(style.color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.push("hard to read (" + ratio.toFixed(2) + "): " + node.data.trim());
    if (parseFloat(style.fontSize) < 13) found.push("too small to read: " + node.data.trim());
    if (e.scrollWidth > e.clientWidth + 1 && style.display !== "inline") found.push("cut off: " + node.data.trim());
  }
  return found;
})()`
