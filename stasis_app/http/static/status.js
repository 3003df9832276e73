// The status page: asks for a token, then follows the live stream. Everything from outside is set as text, never as HTML.
"use strict";
(() => {
  const texts = JSON.parse(document.getElementById("texts").textContent);
  const at = (id) => document.getElementById(id);
  const calls = new Map();
  const SLOT = "stasis-token";
  const HEALTH_EVERY = 5000;
  let token = sessionStorage.getItem(SLOT) ?? "";
  let reading = null;

  const ask = (path, options = {}) =>
    fetch(path, { ...options, headers: token ? { Authorization: `Bearer ${token}` } : {} });

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function lasting(since) {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000));
    const two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    return `${hours ? `${hours}:` : ""}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  }

  const named = (party) => party.name || party.number || texts.withheld;

  function row(call) {
    const tr = element("tr", undefined, call.stage === "ended" ? "over" : "");
    const customer = call.client?.name || (call.direction === "inbound" ? named(call.caller) : call.dialled) || texts.withheld;
    const who = element("td", customer);
    const number = call.customer_number && call.customer_number !== customer ? `${call.customer_number} · ` : "";
    who.append(element("small", `${number}${texts[call.direction]}`));
    const talking = call.talks.filter((talk) => !talk.ended_at).map((talk) => talk.party);
    const ringing = call.rings.filter((ring) => ring.ringing_at && !ring.answered_at && !ring.ended_at).map((r) => r.party);
    const others = talking.length ? talking : ringing;
    tr.append(
      who,
      element("td", call.line || "–"),
      element("td", texts[call.stage], `stage ${call.stage}`),
      element("td", others.map((party) => [party.number, party.name].filter(Boolean).join(" ")).join(", ") || "–"),
      element("td", call.element || "–"),
      element("td", lasting(call.started_at), "figure"),
    );
    tr.lastChild.dataset.since = call.started_at;
    return tr;
  }

  function draw() {
    at("calls").replaceChildren(...[...calls.values()].map(row));
    at("nobody").hidden = calls.size > 0;
  }

  function heard(name, data) {
    if (name === "snapshot") {
      calls.clear();
      for (const call of data.calls) calls.set(call.id, call);
    } else if (name === "fact") {
      const { call } = data;
      const known = calls.has(call.id);
      if (call.stage !== "ended" || known) calls.set(call.id, call);
      if (call.stage === "ended" && known) setTimeout(() => { calls.delete(call.id); draw(); }, 2000);
    }
    draw();
  }

  async function follow(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
        const lines = text.slice(0, end).split("\n");
        const part = (prefix) => lines.find((line) => line.startsWith(prefix))?.slice(prefix.length);
        const data = part("data: ");
        if (data) heard(part("event: "), JSON.parse(data));
      }
    }
  }

  function link(live) {
    at("link").hidden = false;
    at("link").className = live ? "live" : "";
    at("link").textContent = live ? texts.connected : texts.reconnecting;
  }

  async function health() {
    const readiness = at("readiness");
    try {
      const found = await (await ask("readyz")).json();
      const [words, colour] = {
        ready: [texts.ready, "good"], degraded: [texts.ready_degraded, "fair"], "not ready": [texts.not_ready, "bad"],
      }[found.status];
      readiness.textContent = words;
      readiness.className = colour;
      at("components").replaceChildren(...found.components.map((component) => {
        const detail = component.detail ? `: ${component.detail}` : "";
        return element("li", `${component.name} – ${texts[component.state]}${detail}`, component.state);
      }));
    } catch {
      readiness.textContent = "";
    }
  }

  function show(open) {
    at("entry").hidden = open;
    at("board").hidden = !open;
    at("leave").hidden = !open || !token;
    if (!open) at("link").hidden = true;
  }

  function refuse() {
    at("refusal").hidden = !token;
    sessionStorage.removeItem(SLOT);
    token = "";
    show(false);
    at("token").focus();
  }

  async function run() {
    reading?.abort();
    const mine = (reading = new AbortController());
    let pause = 500;
    while (!mine.signal.aborted) {
      try {
        const response = await ask("api/v1/live", { signal: mine.signal });
        if (response.status === 401 || response.status === 403) return refuse();
        if (response.ok) {
          sessionStorage.setItem(SLOT, token);
          pause = 500;
          show(true);
          link(true);
          health();
          await follow(response);
        }
      } catch { /* told below, tried again */ }
      if (mine.signal.aborted) return;
      link(false);
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(pause * 2, 10000);
    }
  }

  at("entry").addEventListener("submit", (event) => {
    event.preventDefault();
    token = at("token").value.trim();
    at("token").value = "";
    at("refusal").hidden = true;
    run();
  });
  at("leave").addEventListener("click", () => {
    reading?.abort();
    calls.clear();
    draw();
    sessionStorage.removeItem(SLOT);
    token = "";
    show(false);
  });
  setInterval(() => {
    for (const cell of document.querySelectorAll("[data-since]")) cell.textContent = lasting(cell.dataset.since);
  }, 1000);
  setInterval(() => { if (!at("board").hidden) health(); }, HEALTH_EVERY);
  run();
})();
