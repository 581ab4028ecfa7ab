// Keeps an open page fresh: an event says that something moved, the page is fetched again and its content
// swapped. Where the reader is (scroll, focus, open parts, a field being written in) stays. Without this
// script the page is complete; it is then updated by reloading it.
(() => {
  "use strict";
  const live = document.getElementById("live");
  const word = document.getElementById("live-word");
  const main = document.getElementById("main");
  if (!live || !word || !main || !window.EventSource) return;

  const SWAP_MS_MIN = 400; // at most one swap in this time, however many events come
  const BACKOFF_MS_MAX = 30000;
  let backoff = 1000, timer = 0, fetching = false, again = false, swapped = 0;

  const say = (state) => {
    if (live.dataset.state === state) return;
    live.dataset.state = state;
    word.textContent = live.dataset[state];
  };

  const keyOf = (node) => {
    if (!node || node === document.body || !main.contains(node)) return null;
    if (node.id) return "#" + CSS.escape(node.id);
    const named = node.closest("[id]");
    if (!named || named === main) return node.getAttribute("href") ? 'a[href="' + CSS.escape(node.getAttribute("href")) + '"]' : null;
    const href = node.getAttribute("href");
    const inside = href ? 'a[href="' + CSS.escape(href) + '"]' : node.localName;
    return "#" + CSS.escape(named.id) + " " + inside;
  };

  const swap = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const next = fresh.getElementById("main");
    if (!next) return;
    const top = window.scrollY, left = window.scrollX, focused = keyOf(document.activeElement);
    const parts = new Map([...main.querySelectorAll("details[id]")].map((it) => [it.id, it.open]));
    const shifts = new Map([...main.querySelectorAll(".scroll")].map((it, i) => [i, it.scrollLeft]));
    for (const it of next.querySelectorAll("details[id]")) if (parts.has(it.id)) it.open = parts.get(it.id);
    for (const it of main.querySelectorAll("input[id]")) {
      const field = next.querySelector("#" + CSS.escape(it.id));
      if (field && it === document.activeElement) field.replaceWith(it);
    }
    main.replaceChildren(...next.childNodes);
    main.querySelectorAll(".scroll").forEach((it, i) => { it.scrollLeft = shifts.get(i) || 0; });
    const target = focused && main.querySelector(focused);
    if (target && target !== document.activeElement) target.focus({ preventScroll: true });
    window.scrollTo(left, top);
    const updated = fresh.getElementById("updated");
    if (updated) document.getElementById("updated").replaceChildren(...updated.childNodes);
    document.title = fresh.title;
  };

  const refresh = async () => {
    if (fetching) { again = true; return; }
    fetching = true;
    const wait = SWAP_MS_MIN - (Date.now() - swapped);
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    again = false;
    try {
      const reply = await fetch(window.location.href, { credentials: "same-origin", cache: "no-store", redirect: "error" });
      if (reply.status === 403) { window.location.reload(); return; }
      if (reply.ok || reply.status === 404) swap(await reply.text());
    } catch (error) {
      say("off");
    } finally {
      swapped = Date.now();
      fetching = false;
      if (again) refresh();
    }
  };

  // A browser opens few connections to one address: a page that nobody looks at gives its own up.
  let source = null;
  const leave = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  };
  const connect = () => {
    leave();
    source = new EventSource("/events");
    source.addEventListener("hello", () => { backoff = 1000; say("on"); refresh(); });
    source.addEventListener("moved", refresh);
    source.onerror = () => {
      say("off");
      leave();
      timer = setTimeout(() => refresh().finally(connect), backoff * (0.5 + Math.random() / 2));
      backoff = Math.min(backoff * 2, BACKOFF_MS_MAX);
    };
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : connect()));
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  if (!document.hidden) connect();
})();
