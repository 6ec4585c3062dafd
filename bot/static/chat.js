"use strict";
// What the page adds to htmx: Enter sends on a keyboard, the box empties, new bubbles come into view, the focus stays sensible.
(() => {
  const box = () => document.getElementById("text");
  const keyboard = matchMedia("(hover: hover) and (pointer: fine)");
  let firstNew = null;
  let buttonPressed = false;

  const grow = () => {
    const area = box();
    area.classList.remove("tall", "taller");
    if (area.scrollHeight > area.clientHeight + 4) area.classList.add("tall");
    if (area.scrollHeight > area.clientHeight + 4) area.classList.add("taller");
  };
  const waiting = (text) => {
    const line = document.getElementById("waiting");
    line.classList.toggle("shown", text !== "");
    line.firstElementChild.textContent = text;
  };

  document.addEventListener("keydown", (event) => {
    if (event.target !== box() || event.key !== "Enter" || event.shiftKey || event.isComposing || !keyboard.matches) return;
    event.preventDefault();
    if (box().value.trim()) box().form.requestSubmit(box().form.querySelector(".send"));
  });
  document.addEventListener("input", (event) => { if (event.target === box()) grow(); });

  const asksForNews = (event) => event.detail.requestConfig?.verb === "get";
  document.addEventListener("htmx:beforeRequest", (event) => {
    firstNew = document.getElementById("log").lastElementChild;
    if (asksForNews(event)) { buttonPressed = false; return; }
    const active = document.activeElement;
    buttonPressed = Boolean(active && active.closest("#choices, .vote"));
    for (const old of document.querySelectorAll(".notice")) old.remove();
    waiting("正在回复");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (asksForNews(event)) return;
    waiting("");
    if (!event.detail.successful) {
      if (!event.detail.xhr.status) showTrouble();
      return;
    }
    if (event.detail.xhr.status !== 200 || !event.detail.requestConfig) return;
    const sent = event.detail.requestConfig.formData;
    if (!sent.has("choice") && !sent.has("say")) { box().value = ""; grow(); }
  });
  document.addEventListener("htmx:oobBeforeSwap", () => { document.getElementById("vote")?.remove(); });
  document.addEventListener("htmx:afterSettle", () => {
    const next = firstNew ? firstNew.nextElementSibling : document.getElementById("log").firstElementChild;
    if (next) next.scrollIntoView({ block: "start" });
    if (buttonPressed) {
      const choice = document.querySelector("#choices button");
      if (choice) choice.focus({ preventScroll: true });
      else if (keyboard.matches) box().focus({ preventScroll: true });
      else document.getElementById("log").focus({ preventScroll: true });
    }
    buttonPressed = false;
  });
  const showTrouble = () => {
    const line = document.createElement("p");
    line.className = "notice";
    line.setAttribute("role", "alert");
    line.textContent = "没有连上，刚才这一条没有发出去。请检查网络后再发一次。";
    document.getElementById("log").append(line);
    line.scrollIntoView({ block: "end" });
  };
  document.addEventListener("DOMContentLoaded", () => {
    if (!document.querySelector("#log > :nth-child(2)")) return;
    const last = [...document.querySelectorAll("#log > .mine")].pop();
    (last || document.getElementById("last")).scrollIntoView({ block: "start" });
  });
})();
