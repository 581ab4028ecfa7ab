// What a person would see wrong on this page, as a list of texts.
(() => {
  const faults = [];
  const root = document.documentElement;
  // A phone zooms out until a wide page fits: its window grows, the root does not.
  if (root.scrollWidth > root.clientWidth + 1) {
    const wide = [...document.querySelectorAll("body *")].filter((it) => !it.closest(".scroll, nav") && it.getBoundingClientRect().right > root.clientWidth + 1);
    faults.push(`wider than the screen by ${root.scrollWidth - root.clientWidth}: ` + wide.slice(0, 4).map((it) => it.localName + "." + it.className).join(", "));
  }
  const headOfCards = (it) => it.closest("thead") && getComputedStyle(it.closest("thead")).clipPath !== "none";
  const shown = (it) => it.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && !it.closest(".sr, .skip") && !headOfCards(it);
  const text = document.body.innerText;
  for (const never of ["{$", "undefined", "NaN", "[object", "Some(", "None)"]) if (text.includes(never)) faults.push("text holds " + never);
  const key = text.match(/\[[a-z]+(-[a-z_]+)+\]/);
  if (key) faults.push("a text is missing: " + key[0]);
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((it) => Number(it.localName[1]));
  if (headings.filter((level) => level === 1).length !== 1) faults.push("not one heading of the first level");
  if (headings.some((level, at) => level > (headings[at - 1] ?? 0) + 1)) faults.push("a level of headings is left out: " + headings.join(" "));
  if (!document.title.trim()) faults.push("no title");
  const ids = [...document.querySelectorAll("[id]")].map((it) => it.id);
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
  if (twice.length) faults.push("ids that occur twice: " + [...new Set(twice)].slice(0, 4).join(", "));
  for (const it of document.querySelectorAll("[aria-labelledby]")) if (!document.getElementById(it.getAttribute("aria-labelledby"))) faults.push("labelled by nothing: " + it.getAttribute("aria-labelledby"));
  for (const it of document.querySelectorAll("a, button, summary, input")) {
    const name = (it.innerText || it.getAttribute("aria-label") || it.labels?.[0]?.innerText || "").trim();
    if (shown(it) && !name) faults.push("without a name: " + it.outerHTML.slice(0, 80));
  }
  for (const it of document.querySelectorAll("table")) if (!it.caption && !it.closest("[aria-label], [aria-labelledby]")) faults.push("a table without a caption");

  // Text that is squeezed: a column of single characters, a short word broken in two, a table that is cut off.
  const nodes = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const it = node.parentElement;
    if (node.nodeValue.trim() && shown(it) && !it.closest("script, svg")) nodes.push([node, it]);
  }
  const range = document.createRange();
  const lines = (node, from, to) => {
    range.setStart(node, from);
    range.setEnd(node, to);
    return [...range.getClientRects()].filter((it) => it.width > 0);
  };
  const squeezed = new Set(), broken = new Set();
  for (const [node, it] of nodes) {
    const size = parseFloat(getComputedStyle(it).fontSize);
    const all = lines(node, 0, node.nodeValue.length);
    const told = () => `${it.localName}.${it.className} "${node.nodeValue.trim().slice(0, 24)}"`;
    if (all.length > 2 && Math.max(...all.map((line) => line.width)) < 2.2 * size) squeezed.add(told());
    if (it.closest("code, pre, .name")) continue;
    for (const word of node.nodeValue.matchAll(/(?<=^|\s)[A-Za-z]{2,14}(?=$|[\s,.:;])/g)) {
      if (new Set(lines(node, word.index, word.index + word[0].length).map((line) => Math.round(line.top))).size > 1) broken.add(word[0]);
    }
  }
  if (squeezed.size) faults.push("columns of single characters: " + [...squeezed].slice(0, 5).join("; "));
  if (broken.size) faults.push("broken words: " + [...broken].slice(0, 5).join("; "));
  for (const it of document.querySelectorAll("table, .wrap, th, td, .card, .rows li, dd")) {
    const over = it.scrollWidth - it.clientWidth;
    if (over > 2 && shown(it) && !it.closest(".scroll")) faults.push(`cut off by ${over}: ${it.localName}.${it.className} "${it.innerText.slice(0, 24)}"`);
  }

  for (const it of document.querySelectorAll("main table")) {
    const over = it.getBoundingClientRect().right - it.parentElement.getBoundingClientRect().right;
    if (over > 1 && shown(it) && !it.closest(".scroll")) faults.push(`a table wider than its place by ${over.toFixed(0)}: ${it.className}`);
  }

  // Contrast of text, after WCAG 2: 4.5 to 1, large text 3 to 1.
  const parse = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (it) => {
    for (let at = it; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const weak = new Set();
  for (const [, it] of nodes) {
    const style = getComputedStyle(it);
    const pair = [light(parse(style.color)), light(behind(it))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) weak.add(`${it.localName}.${it.className} ${ratio.toFixed(2)}`);
  }
  if (weak.size) faults.push("too weak to read: " + [...weak].slice(0, 5).join("; "));
  return faults;
})()
