// What a person would see wrong on this page, as a list of texts.
(() => {
  const faults = [];
  const root = document.documentElement;
  if (root.scrollWidth > window.innerWidth + 1) {
    const wide = [...document.querySelectorAll("body *")].filter((it) => !it.closest(".scroll, nav") && it.getBoundingClientRect().right > window.innerWidth + 1);
    faults.push(`wider than the screen by ${root.scrollWidth - window.innerWidth}: ` + wide.slice(0, 4).map((it) => it.localName + "." + it.className).join(", "));
  }
  const shown = (it) => it.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && !it.closest(".sr, .skip");
  const text = document.body.innerText;
  for (const never of ["{$", "undefined", "NaN", "[object", "Some(", "None)"]) if (text.includes(never)) faults.push("text holds " + never);
  const key = text.match(/\[[a-z]+(-[a-z_]+)+\]/);
  if (key) faults.push("a text is missing: " + key[0]);
  if (document.querySelectorAll("h1").length < 1) faults.push("no heading");
  const ids = [...document.querySelectorAll("[id]")].map((it) => it.id);
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
  if (twice.length) faults.push("ids that occur twice: " + [...new Set(twice)].slice(0, 4).join(", "));
  for (const it of document.querySelectorAll("[aria-labelledby]")) if (!document.getElementById(it.getAttribute("aria-labelledby"))) faults.push("labelled by nothing: " + it.getAttribute("aria-labelledby"));
  for (const it of document.querySelectorAll("a, button, summary, input")) {
    const name = (it.innerText || it.getAttribute("aria-label") || it.labels?.[0]?.innerText || "").trim();
    if (shown(it) && !name) faults.push("without a name: " + it.outerHTML.slice(0, 80));
  }
  for (const it of document.querySelectorAll("table")) if (!it.caption && !it.closest("[aria-label], [aria-labelledby]")) faults.push("a table without a caption");

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
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const it = node.parentElement;
    if (!node.nodeValue.trim() || !shown(it) || it.closest("script, svg")) continue;
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
