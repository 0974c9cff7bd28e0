// Changes the token for a cookie: that of the address at once, else one that is typed.
"use strict";
{
  const form = document.getElementById("sign-in");
  const note = document.getElementById("sign-in-note");

  const signIn = async (token) => {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
    const answer = await fetch("/api/session", { method: "POST", headers });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    if (location.pathname === "/") location.replace("/runs");
    else location.reload();
  };

  const tryWith = (token) => {
    note.textContent = "Signing in…";
    signIn(token).catch((error) => {
      note.textContent = `That did not work: ${error.message}.`;
      form.hidden = false;
      form.elements.token.focus();
    });
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tryWith(form.elements.token.value.trim());
  });
  if (window.handedToken) tryWith(window.handedToken);
  else form.hidden = false;
  delete window.handedToken;
}
