// Puts the newest parts of a page where the server's renderer would have put them, as long as somebody looks. Nothing else
// depends on it.
"use strict";
(() => {
  const where = document.body.dataset.events;
  const sign = document.querySelector(".live");
  let source = null;
  let again = 0;
  const waiting = new Map(); // parts by id, until nobody is disturbed

  const say = (text, well) => {
    if (!sign) return;
    if (sign.textContent !== text) sign.textContent = text;
    sign.classList.toggle("well", well);
    sign.hidden = false;
  };

  // Who has selected something in a part, or types there, is not disturbed.
  const busy = (element) => {
    const selection = getSelection();
    const active = document.activeElement;
    return (
      (!selection.isCollapsed && selection.containsNode(element, true)) ||
      (element.contains(active) && active.matches("input, select, textarea"))
    );
  };

  const put = (id, html) => {
    const element = document.getElementById(id);
    if (element && busy(element)) return;
    waiting.delete(id);
    if (!element) return;
    const open = [...element.querySelectorAll("details[open]")].map((each) => each.id);
    const active = document.activeElement;
    const links = [...element.querySelectorAll("a, summary, button")];
    const place = links.indexOf(active);
    element.innerHTML = html;
    for (const each of open) document.getElementById(each)?.setAttribute("open", "");
    if (place >= 0) element.querySelectorAll("a, summary, button")[place]?.focus({ preventScroll: true });
  };

  const stop = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };

  const start = () => {
    stop();
    if (document.hidden) return;
    source = new EventSource(where);
    source.onopen = () => say("live", true);
    source.onmessage = (event) => {
      for (const [id, html] of Object.entries(JSON.parse(event.data))) waiting.set(id, html);
      for (const [id, html] of waiting) put(id, html);
    };
    source.onerror = () => {
      say("not live", false);
      stop();
      again = setTimeout(start, 5000);
    };
  };

  if (where && window.EventSource) {
    document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
    addEventListener("pagehide", stop);
    addEventListener("pageshow", start);
  }

  for (const text of document.querySelectorAll("pre")) {
    if (!navigator.clipboard) break;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.onclick = async () => {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    };
    text.after(button);
  }
})();
