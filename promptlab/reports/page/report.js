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
  const focus = (trial) => {
    const summary = trial.querySelector("summary");
    summary.focus({ preventScroll: true });
    summary.scrollIntoView({ block: "center" });
  };
  const move = (by) => {
    const found = [...rows.querySelectorAll(".failed[data-status], .errored[data-status], .left[data-status]")]
      .filter((trial) => trial.tagName === "DETAILS" && !trial.closest("tr").hidden);
    if (!found.length) return;
    if (by < 0) found.reverse();
    const from = rows.contains(document.activeElement) ? document.activeElement : null;
    const here = from?.closest("details.trial") ?? from;
    const side = by > 0 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING;
    focus(found.find((trial) => here && here.compareDocumentPosition(trial) & side) ?? found[0]);
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
