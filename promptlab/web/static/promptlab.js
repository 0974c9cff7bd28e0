// The frame of every page: the scheme's switch, signing out, and keys.
// An element with data-key="x" is clicked, or focused where it is typed into, by the key x; the help lists them.
"use strict";
{
  const root = document.documentElement;
  const typed = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
  const help = document.getElementById("help");
  const enabled = document.getElementById("keys-enabled");

  const isDark = () =>
    root.dataset.scheme ? root.dataset.scheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

  const showScheme = (button) => button.setAttribute("aria-pressed", String(isDark()));

  const switchScheme = (button) => {
    root.dataset.scheme = isDark() ? "light" : "dark";
    localStorage.setItem("scheme", root.dataset.scheme);
    showScheme(button);
    document.dispatchEvent(new CustomEvent("schemechange"));
  };

  const signOut = async () => {
    await fetch("/api/session", { method: "DELETE", headers: { "Content-Type": "application/json" } });
    location.assign("/");
  };

  const nameOf = (element) =>
    element.getAttribute("aria-label") || element.getAttribute("placeholder") || element.textContent.trim();

  const row = (key, what) => {
    const term = document.createElement("dt");
    const name = document.createElement("kbd");
    const description = document.createElement("dd");
    name.textContent = key;
    term.append(name);
    description.textContent = what;
    return [term, description];
  };

  const openHelp = () => {
    const rows = [...document.querySelectorAll("[data-key]")].map((found) => row(found.dataset.key, nameOf(found)));
    help.querySelector("dl").replaceChildren(...rows.flat(), ...row("?", "This help"));
    if (!help.open) help.showModal();
  };

  const press = (key) => {
    const found = [...document.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key);
    if (!found) return false;
    if (found.matches(typed)) found.focus();
    else found.click();
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(typed)) return;
    if (document.querySelector("dialog[open]") || (enabled && !enabled.checked)) return;
    if (event.key === "?") openHelp();
    else if (!press(event.key)) return;
    event.preventDefault();
  });

  enabled.checked = localStorage.getItem("keys") !== "off";
  enabled.addEventListener("change", () => localStorage.setItem("keys", enabled.checked ? "on" : "off"));
  for (const button of document.querySelectorAll("[data-switch-scheme]")) {
    showScheme(button);
    button.addEventListener("click", () => switchScheme(button));
  }
  for (const button of document.querySelectorAll("[data-open-help]")) button.addEventListener("click", openHelp);
  for (const button of document.querySelectorAll("[data-sign-out]")) button.addEventListener("click", signOut);
}
