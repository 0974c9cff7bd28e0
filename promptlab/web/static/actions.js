// What changes something: buttons that send JSON, and a dialog that says first what that would cost.
"use strict";
{
  const said = document.getElementById("said");
  const ask = document.getElementById("ask");

  const tell = (place, text) => {
    place.textContent = text;
    place.hidden = text === "";
  };

  const problem = (body) => [body.detail, ...(body.errors || []).map((one) => one.message || one.msg), body.hint].filter(Boolean).join(" · ");

  const send = async (method, address, json, key) => {
    const headers = { "Content-Type": "application/json", ...(key ? { "Idempotency-Key": key } : {}) };
    const answer = await fetch(address, { method, headers, ...(method === "DELETE" ? {} : { body: json || "{}" }) });
    const body = await answer.json();
    if (!answer.ok) throw new Error(problem(body));
    return body;
  };

  const press = async (button) => {
    button.disabled = true;
    try {
      await send("POST", button.dataset.post, button.dataset.json);
      tell(said, "");
    } catch (error) {
      tell(said, error.message);
    }
    button.disabled = false;
  };

  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  const open = async (button) => {
    const body = ask.querySelector("[data-body]");
    body.replaceChildren(Object.assign(document.createElement("p"), { textContent: "Looking what it would do…" }));
    ask.querySelector("h2").textContent = button.dataset.title;
    ask.showModal();
    await htmx.ajax("GET", button.dataset.ask, { target: body, swap: "innerMorph" });
  };

  // Numbers that were typed go into the JSON that the form has; empty ones do not.
  const order = (form) => {
    const typed = [...form.elements].filter((field) => field.name && field.value !== "");
    return JSON.stringify({ ...JSON.parse(form.dataset.json), ...Object.fromEntries(typed.map((field) => [field.name, Number(field.value)])) });
  };

  const submit = async (form) => {
    const button = form.querySelector(".go");
    const note = form.querySelector("[role=alert]");
    form.dataset.key ||= newKey(); // tried again, it is the same order
    button.disabled = true;
    tell(note, "");
    try {
      const body = await send(form.dataset.method, form.dataset.send, order(form), form.dataset.method === "POST" && form.dataset.key);
      if (form.dataset.then) location.assign(form.dataset.then);
      else location.assign(`/runs/${body.run}`);
    } catch (error) {
      tell(note, error.message);
      button.disabled = false;
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-post], [data-ask], [data-close]");
    if (!button) return;
    if (button.dataset.post) press(button);
    else if (button.dataset.ask) open(button);
    else ask.close();
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.dataset.send) return;
    event.preventDefault();
    submit(event.target);
  });
}
