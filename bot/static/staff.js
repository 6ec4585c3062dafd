"use strict";
// The list of drafts by keyboard: j and k walk, Enter opens, / searches. Without this the page works by Tab as every page does.
(() => {
  const busy = (event) =>
    event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.target.closest("input, select, textarea, [contenteditable]");
  const links = () => [...document.querySelectorAll("#drafts tbody th a")];

  const walk = (step) => {
    const all = links();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
    all[next].focus();
    all[next].closest("tr").scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (busy(event)) return;
    if (event.key === "j") walk(1);
    else if (event.key === "k") walk(-1);
    else if (event.key === "/") document.getElementById("words")?.select();
    else return;
    event.preventDefault();
  });
})();
