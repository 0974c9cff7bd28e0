// Rating answers: thumbs and notes, on the cells of a matrix and on the page of a trial. Who rates is kept in this browser.
"use strict";
{
  const NAME = "rater";
  const told = document.getElementById("rating-told");
  const dialog = document.getElementById("note");
  let near = null; // the box of the cell that was looked at last

  const formOf = (box) => box.querySelector("form[data-rating]");
  const nameIn = (form) => (form ? form.elements.who.value.trim() : localStorage.getItem(NAME)) || "";
  const rater = (form) => nameIn(form) || (form || dialog)?.querySelector("[name=who]").placeholder;

  // What the page shows of a note may be cut; the whole is asked for.
  const ownNote = async (box, form) => {
    const name = rater(form);
    if (![...box.querySelectorAll("[data-note]")].some((note) => note.dataset.note === name)) return "";
    const answer = await fetch(`/api${box.dataset.rates}/ratings?limit=200`);
    const { ratings = [] } = answer.ok ? await answer.json() : {};
    return ratings.find((rating) => rating.who === name)?.note || "";
  };

  const fill = async (box, form) => {
    form.elements.who.value = localStorage.getItem(NAME) || "";
    delete form.dataset.typed;
    const note = await ownNote(box, form);
    if (!form.dataset.typed) form.elements.note.value = note;
  };

  const prepare = (box) => {
    const form = box && formOf(box);
    if (form) fill(box, form);
  };

  const asked = async (address, method, body) => {
    const answer = await fetch(address, { method, headers: { "Content-Type": "application/json" }, body });
    if (answer.ok) return true;
    const problem = await answer.json().catch(() => ({}));
    told.textContent = `Not saved: ${problem.detail || problem.title || answer.status}`;
    return false;
  };

  const refresh = async (box) => {
    const address = `${box.dataset.rates}/ratings?part=${box.dataset.part || "cell"}`;
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const kept = box.contains(document.activeElement) ? document.activeElement : null;
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = document.adoptNode(parsed.body.firstElementChild);
    box.replaceWith(fresh);
    if (near === box) near = fresh;
    prepare(fresh);
    if (!kept) return;
    const same = kept.dataset.rate ? `[data-rate="${kept.dataset.rate}"]` : "textarea, button";
    fresh.querySelector(same)?.focus({ preventScroll: true });
  };

  const rate = async (box, order, form) => {
    const name = nameIn(form);
    if (form) localStorage.setItem(NAME, name);
    const said = { ...order, ...(name && { who: name }) };
    if (!(await asked(`/api${box.dataset.rates}/ratings`, "POST", JSON.stringify(said)))) return;
    const what = { up: "good answer", down: "bad answer" }[order.thumb] || "note";
    told.textContent = `Saved: ${what}`;
    await refresh(box);
  };

  const thumb = (box, which) => {
    const form = formOf(box);
    rate(box, { thumb: which, ...(form?.dataset.typed && { note: form.elements.note.value || null }) }, form);
  };

  const openNote = async (box) => {
    const form = dialog.querySelector("form");
    const cell = box.closest("td");
    const row = cell.parentElement.querySelector("th bdi").textContent;
    const column = cell.closest("table").querySelectorAll("thead th")[cell.cellIndex].textContent;
    dialog.querySelector("[data-noted]").textContent = `row ${row}, ${column}`;
    await fill(box, form);
    dialog.returnValue = "";
    dialog.showModal();
    form.elements.note.focus();
  };

  const here = (what) => {
    const box = document.activeElement.closest(".cell")?.querySelector("[data-rates]") || near;
    if (!box?.isConnected) told.textContent = "Go to an answer first: j and k, h and l";
    else if (what === "note") openNote(box);
    else thumb(box, what);
  };

  const takeBack = async (button) => {
    const box = button.closest("[data-rates]");
    const run = box.dataset.rates.split("/")[2];
    if (!(await asked(`/api/runs/${run}/ratings/${button.dataset.takeBack}`, "DELETE"))) return;
    told.textContent = "Taken back";
    await refresh(box);
  };

  document.addEventListener("focusin", ({ target }) => {
    const cell = target.closest?.(".cell");
    if (cell) near = cell.querySelector("[data-rates]");
  });

  document.addEventListener("input", ({ target }) => {
    if (target.name === "note") target.form.dataset.typed = "yes";
  });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-rate], [data-here], [data-take-back]");
    if (!button) return;
    if (button.dataset.here) here(button.dataset.here);
    else if (button.dataset.takeBack) takeBack(button);
    else thumb(button.closest("[data-rates]"), button.dataset.rate);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-rating]");
    if (!form || form.closest("dialog")) return;
    event.preventDefault();
    rate(form.closest("[data-rates]"), { note: form.elements.note.value || null }, form);
  });

  dialog?.addEventListener("close", () => {
    const form = dialog.querySelector("form");
    if (dialog.returnValue === "save" && near?.isConnected) rate(near, { note: form.elements.note.value || null }, form);
  });

  prepare(document.getElementById("ratings"));
}
