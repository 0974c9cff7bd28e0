"use strict";
(() => {
  const rows = document.getElementById("rows");
  if (rows === null) return;
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const buttons = [...document.querySelectorAll("[data-show]")];
  const all = [...rows.rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));
  let wanted = "";

  const apply = () => {
    const words = search.value.toLowerCase().trim();
    let shown = 0;
    for (const { row, text } of all) {
      const fits = (!wanted || row.dataset.status.split(" ").includes(wanted)) && text.includes(words);
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${all.length.toLocaleString("en")} rows`;
    none.hidden = shown > 0;
  };
  const show = (status) => {
    wanted = status;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.show === status));
    apply();
  };
  const move = (by) => {
    const found = [...rows.querySelectorAll(".failed[data-status], .errored[data-status], .left[data-status]")]
      .filter((trial) => trial.tagName === "DETAILS" && !trial.closest("tr").hidden);
    if (!found.length) return;
    const at = found.indexOf(document.activeElement.closest("details.trial"));
    const next = at < 0 ? (by > 0 ? 0 : found.length - 1) : (at + by + found.length) % found.length;
    const summary = found[next].querySelector("summary");
    summary.focus({ preventScroll: true });
    summary.scrollIntoView({ block: "center" });
  };
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  const keys = {
    a: () => show(""), f: () => show("failed"), e: () => show("errored"),
    j: () => move(1), k: () => move(-1), "/": () => search.focus(),
  };

  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.show));
  search.addEventListener("input", apply);
  addEventListener("hashchange", open);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Escape") { search.value = ""; search.blur(); apply(); }
      return;
    }
    const act = keys[event.key];
    if (act !== undefined) { event.preventDefault(); act(); }
  });
  document.getElementById("tools").hidden = false;
  apply();
  open();
})();
