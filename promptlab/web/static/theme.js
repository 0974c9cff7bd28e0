// Before anything is drawn: the scheme that was chosen here, and no token left in the address.
"use strict";
{
  const chosen = localStorage.getItem("scheme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.scheme = chosen;
  if (location.hash.startsWith("#token=")) {
    window.handedToken = decodeURIComponent(location.hash.slice("#token=".length));
    history.replaceState(null, "", location.pathname + location.search);
  }
}
