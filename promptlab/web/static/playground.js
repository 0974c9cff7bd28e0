// Edits are rendered as they are typed, kept in this tab until they are saved, and run or saved only when told so.
"use strict";
{
  const form = document.getElementById("bench");
  const at = (id) => document.getElementById(id);
  const [told, rendered, where] = [at("told"), at("rendered"), at("where")];
  const PAUSE = 150; // milliseconds without a key

  const tell = (text, isWrong = false) => {
    told.textContent = text;
    told.classList.toggle("wrong", isWrong);
  };

  const post = async (path, body) => {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.ok) return answer;
    const problem = await answer.json();
    const first = (problem.errors || [])[0];
    const more = [first && `${first.where}: ${first.message}`, problem.hint].filter(Boolean);
    throw new Error([problem.detail, ...more].join("; "));
  };

  // The server has escaped everything in it.
  const put = (place, html) => {
    const made = new DOMParser().parseFromString(html, "text/html");
    place.replaceChildren(...made.body.childNodes);
  };

  const play = () => {
    const { pipeline, step, variant, row, path } = form.dataset;
    const [editor, lines, limit] = [at("template"), at("lines"), at("limit")];
    const [runs, cancels, saves, discards] = [at("run"), at("cancel"), at("save"), at("discard")];
    const [outcome, stream, answer] = [at("outcome"), at("stream"), at("answer")];
    const kept = `playground:${path}`;
    let original = editor.value;
    let read = form.dataset.sha256;
    let [isStaying, isAsking, isStale] = [false, false, false];
    let [timer, events, going, last] = [null, null, null, null];

    const isEdited = () => editor.value !== original;
    const order = () => ({ pipeline, step, variant, row: Number(row), template: editor.value });
    const priced = () => (Number(limit.value) > 0 ? { ...order(), max_cost: Number(limit.value) } : order());

    const number = () => {
      const wrong = new Set([...rendered.querySelectorAll(".error .jump")].map((jump) => Number(jump.dataset.line)));
      const count = editor.value.split("\n").length;
      const rows = Array.from({ length: count }, (_, index) => {
        const line = document.createElement("span");
        line.textContent = `${index + 1}\n`;
        line.classList.toggle("wrong", wrong.has(index + 1));
        return line;
      });
      lines.replaceChildren(...rows);
      lines.scrollTop = editor.scrollTop;
    };

    const showState = () => {
      const cost = at("cost");
      saves.disabled = !isEdited() || "refused" in saves.dataset;
      discards.hidden = !isEdited();
      runs.disabled = Boolean(going) || isStale || !cost || "refused" in cost.dataset;
      cancels.hidden = !going;
    };

    const keep = () => {
      if (isEdited()) sessionStorage.setItem(kept, JSON.stringify({ text: editor.value, read }));
      else sessionStorage.removeItem(kept);
    };

    const render = async () => {
      if (isAsking) return; // it looks again once it has its answer
      const text = editor.value;
      isAsking = true;
      rendered.setAttribute("aria-busy", "true");
      try {
        put(rendered, await (await post("/playground/rendered", priced())).text());
        isStale = false;
      } catch (error) {
        tell(error.message, true);
      }
      isAsking = false;
      rendered.removeAttribute("aria-busy");
      number();
      showState();
      if (editor.value !== text) soon();
    };

    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(render, PAUSE);
    };

    const changed = () => {
      isStale = true;
      keep();
      number();
      showState();
      soon();
    };

    const jump = ({ line, column }) => {
      const start = editor.value.split("\n").slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
      editor.focus();
      editor.setSelectionRange(start + Number(column) - 1, start + Number(column) - 1);
    };

    const ended = async (run, status) => {
      events.close();
      const earlier = last && last !== run ? `?earlier=${last}` : "";
      const found = await fetch(`/playground/answers/${run}${earlier}`, { headers: { Accept: "text/html" } });
      if (found.ok) put(answer, await found.text());
      stream.hidden = found.ok;
      tell(`The run has ended: ${status}.`);
      [going, last] = [null, run];
      showState();
      render(); // what it would cost now
    };

    const follow = (run) => {
      going = run;
      stream.textContent = "";
      stream.hidden = false;
      outcome.hidden = false;
      answer.replaceChildren();
      events = new EventSource(`/api/runs/${run}/events`);
      events.addEventListener("text", ({ data }) => {
        const { text } = JSON.parse(data);
        if (text === null) stream.textContent = "";
        else stream.append(text);
      });
      events.addEventListener("ended", ({ data }) => ended(run, JSON.parse(data).status));
      showState();
    };

    const run = async () => {
      if (runs.disabled) return;
      going = "soon";
      showState();
      tell("Running…");
      try {
        follow((await (await post("/api/playground/run", priced())).json()).run);
      } catch (error) {
        going = null;
        tell(error.message, true);
        showState();
      }
    };

    const cancel = async () => {
      try {
        if (going !== "soon") await post(`/api/runs/${going}/cancel`, {});
      } catch (error) {
        tell(error.message, true);
      }
    };

    const [dialog, dialogTold, diff, yes, no] = ["", "-told", "-diff", "-yes", "-no"].map((name) => at(`saving${name}`));

    const ask = () => {
      if (saves.disabled || dialog.open) return;
      at("saving-title").textContent = `Save to ${path}?`;
      dialogTold.textContent = "The file is written as it stands in the editor. Nothing has been written yet.";
      diff.hidden = true;
      yes.hidden = false;
      no.textContent = "Cancel";
      dialog.showModal();
    };

    const showDiff = (text) => {
      const kinds = { "+": "ins", "-": "del" };
      const parts = text.split("\n").map((line) => {
        const isMark = line.startsWith("+++") || line.startsWith("---");
        const part = document.createElement((!isMark && kinds[line[0]]) || "span");
        part.textContent = `${line}\n`;
        return part;
      });
      diff.replaceChildren(...parts);
      diff.hidden = !text;
    };

    const save = async () => {
      const template = editor.value;
      yes.hidden = true;
      try {
        const body = { pipeline, step, variant, template, expected: read };
        const saved = await (await post("/api/playground/save", body)).json();
        [original, read] = [template, saved.sha256];
        keep();
        showState();
        at("saving-title").textContent = `Saved to ${saved.path}`;
        dialogTold.textContent = saved.is_of_git ? "What differs from the last commit:" : "What has changed:";
        if (!saved.diff) dialogTold.textContent = "The file is as in the last commit.";
        showDiff(saved.diff);
        tell(`Saved to ${saved.path}.`);
      } catch (error) {
        dialogTold.textContent = error.message;
        tell(error.message, true);
      }
      no.textContent = "Close";
      no.focus();
    };

    const restore = () => {
      const found = JSON.parse(sessionStorage.getItem(kept) || "null");
      if (!found || found.text === original) return;
      editor.value = found.text;
      const isOther = found.read !== read;
      read = found.read; // so that nothing is saved over what others wrote since
      tell(isOther ? `Your edits are back; ${path} has changed since you began.` : "Your unsaved edits are back.", isOther);
      changed();
    };

    const discard = () => {
      sessionStorage.removeItem(kept);
      isStaying = true;
      location.reload();
    };

    editor.addEventListener("input", changed);
    editor.addEventListener("scroll", () => { lines.scrollTop = editor.scrollTop; });
    limit.addEventListener("input", soon);
    form.addEventListener("submit", (event) => { event.preventDefault(); run(); });
    cancels.addEventListener("click", cancel);
    saves.addEventListener("click", ask);
    discards.addEventListener("click", discard);
    yes.addEventListener("click", save);
    no.addEventListener("click", () => dialog.close());
    rendered.addEventListener("click", ({ target }) => {
      const found = target.closest(".jump");
      if (found) jump(found.dataset);
    });
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
      if (event.key === "Enter" && !dialog.open) run();
      else if (event.key === "s") ask();
      else return;
      event.preventDefault();
    });
    // Rows, steps and variants of this playground are no leaving: edits go along.
    document.addEventListener("click", ({ target }) => {
      if (target.closest("#where a")) isStaying = true;
    });
    where.addEventListener("submit", () => { isStaying = true; });
    addEventListener("beforeunload", (event) => {
      if (isEdited() && !isStaying) event.preventDefault();
    });
    addEventListener("pageshow", () => { isStaying = false; });
    number();
    restore();
    showState();
  };

  // What was found is asked for in place of the row, and a choice takes effect at once.
  where.addEventListener("formdata", ({ formData }) => {
    if (formData.get("find")) formData.delete("row");
    else formData.delete("find");
  });
  for (const choice of where.querySelectorAll("select")) choice.addEventListener("change", () => where.requestSubmit());
  if (form) play();
}
