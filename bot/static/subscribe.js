"use strict";
// Gives the platform's script what it needs to show its button for 订阅通知, and says how it went. The words stand in the page.
(() => {
  const box = document.getElementById("subscribe");
  const show = (id) => { for (const line of box.querySelectorAll("[data-state]")) line.hidden = line.dataset.state !== id; };
  const wx = window.wx;
  if (!wx) { show("off"); return; }
  const given = box.dataset;
  wx.config({ appId: given.app, timestamp: Number(given.time), nonceStr: given.nonce, signature: given.signature, jsApiList: [], openTagList: ["wx-open-subscribe"] });
  wx.error(() => show("off"));
  document.addEventListener("WeixinOpenTagsError", () => show("off"));
  const tag = box.querySelector("wx-open-subscribe");
  tag.addEventListener("success", (event) => {
    let accepted = false;
    try {
      accepted = Object.values(JSON.parse(event.detail.subscribeDetails)).some((one) => JSON.parse(one).status === "accept");
    } catch { accepted = false; }
    show(accepted ? "done" : "refused");
  });
  tag.addEventListener("error", () => show("failed"));
})();
