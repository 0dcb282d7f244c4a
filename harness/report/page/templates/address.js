"use strict";

// The state of filters, sorting and limits is in the address after #, so that a link shows what its sender saw.
const address = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

function remember(name, value) {
  if (value) address.set(name, value);
  else address.delete(name);
  const state = address.toString();
  history.replaceState(null, "", state ? `#${state}` : location.pathname + location.search);
}

window.addEventListener("hashchange", () => { if (location.hash.includes("=")) location.reload(); });

// The page of a watched store loads itself again, unless somebody is typing or choosing.
const renew = Number(document.body.dataset.renew);
if (renew) {
  setInterval(() => { if (!document.activeElement.matches("input, select, textarea")) location.reload(); }, 1000 * renew);
}
