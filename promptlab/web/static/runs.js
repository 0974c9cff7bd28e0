// Moving through rows and cells by keys, and copying. What acts on a page is in its address; this only moves.
"use strict";
{
  const LINES = "tbody tr, .pair";
  const rows = () => [...document.querySelectorAll(LINES)].filter((row) => row.querySelector(".step-to"));
  const cells = (row) => [...row.querySelectorAll(".step-to")];

  const focus = (link) => {
    if (!link) return;
    link.focus({ preventScroll: true });
    link.scrollIntoView({ block: "center", inline: "nearest" });
  };

  const place = () => {
    const all = rows();
    const row = document.activeElement.closest(LINES);
    const at = all.indexOf(row);
    return { all, at, column: at < 0 ? 0 : Math.max(0, cells(row).indexOf(document.activeElement)) };
  };

  const move = (by) => {
    const { all, at, column } = place();
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by;
    if (!all[next]) return;
    const found = cells(all[next]);
    focus(found[Math.min(column, found.length - 1)]);
  };

  const across = (by) => {
    const { all, at, column } = place();
    focus(at < 0 ? all[0] && cells(all[0])[0] : cells(all[at])[column + by]);
  };

  const copy = async (button) => {
    await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
    button.textContent = "Copied";
  };

  // What was left empty stays out of the address.
  document.addEventListener("formdata", ({ formData }) => {
    for (const name of new Set(formData.keys())) {
      const said = formData.getAll(name).filter((value) => value !== "");
      formData.delete(name);
      for (const value of said) formData.append(name, value);
    }
  }, true);

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move], [data-across], [data-copy]");
    if (!button) return;
    if (button.dataset.move) move(Number(button.dataset.move));
    else if (button.dataset.across) across(Number(button.dataset.across));
    else copy(button);
  });
}
