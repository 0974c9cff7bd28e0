// Keeps parts of a page as they are now: those that data-parts names, while the events at data-live tell of news.
// What is shown is what the server renders at this page's address, at most four times a second.
"use strict";
{
  const LEAST_MS = 250;
  const SHARE = 4; // of the time, the part that drawing may take is one in so many
  const LATER_MS = [1000, 2000, 4000, 8000]; // after the last news: the log is written a little behind
  const notice = document.querySelector("[data-live]");
  const parts = notice ? notice.dataset.parts.split(" ") : [];
  const kinds = ["begun", "began", "moved", "stands", "turn", "note", "ended", "removed", "reread"];
  let source = null;
  let timer = null;
  let isDrawing = false;
  let hasNews = false;
  let later = null;
  let looks = 0;

  const here = () => location.pathname + location.search;

  const put = async (text) => {
    for (const part of parts) {
      const target = document.querySelector(part);
      if (target) await htmx.swap({ sourceElement: target, target, text, select: part, swap: "outerMorph" });
    }
  };

  const draw = async () => {
    const asked = here();
    const answer = await fetch(asked, { headers: { Accept: "text/html" } });
    if (!answer.ok) return false;
    const text = await answer.text();
    if (asked === here()) await put(text); // else another state of the page is on its way
    return true;
  };

  const next = (wait) => {
    if (timer === null && !isDrawing) timer = setTimeout(redraw, wait);
  };

  const redraw = async () => {
    timer = null;
    isDrawing = true;
    hasNews = false;
    const began = performance.now();
    await draw().catch(() => { hasNews = true; });
    isDrawing = false;
    const took = performance.now() - began;
    timer = setTimeout(() => {
      timer = null;
      if (hasNews) next(0);
    }, Math.max(LEAST_MS, SHARE * took));
  };

  const look = () => {
    hasNews = true;
    next(0);
  };

  const lookLater = () => {
    clearTimeout(later);
    if (looks < LATER_MS.length) later = setTimeout(() => { look(); lookLater(); }, LATER_MS[looks++]);
  };

  const hear = () => {
    look();
    looks = 0;
    lookLater();
  };

  const stop = () => {
    if (source) source.close();
    source = null;
  };

  const listen = () => {
    if (source || document.hidden) return;
    source = new EventSource(notice.dataset.live);
    for (const kind of kinds) source.addEventListener(kind, hear);
    source.addEventListener("open", () => { notice.hidden = true; });
    source.addEventListener("error", () => { notice.hidden = source === null; });
    if (notice.dataset.until) source.addEventListener(notice.dataset.until, () => { stop(); notice.hidden = true; });
  };

  if (notice) {
    // What a reader opened or typed stays as it is.
    document.addEventListener("htmx:before:morph:attr", (event) => {
      if (event.detail.attrName === "open") event.preventDefault();
    });
    // A browser has few connections to a server: what nobody sees needs none.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) stop();
      else { listen(); hear(); }
    });
    addEventListener("pagehide", stop);
    addEventListener("pageshow", (event) => { if (event.persisted) { listen(); hear(); } });
    listen();
  }
}
