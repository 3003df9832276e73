"use strict";

// Everything shown is set as text, never as markup: names and numbers come from outside.
const byId = (id) => document.getElementById(id);
const OUTCOMES = {
  "200": ["answered", "good"], "304": ["missed", "bad"], "603": ["declined", "bad"], "603-S": ["cancelled", ""],
  "403": ["forbidden", "bad"], "404": ["bad number", "bad"], "486": ["busy", ""], "480": ["unavailable", ""],
  "484": ["no such direction", "bad"], "503": ["no such direction", "bad"], "402": ["no funds", "bad"],
  "423": ["blocked", "bad"], "OTHER": ["undefined", ""],
};
const DIRECTIONS = {
  1: ["↗", "Outgoing"], 2: ["↙", "Incoming"], 3: ["↙", "Redirected"], 4: ["↺", "Callback"], 5: ["ℹ", "Information"],
};
const KINDS = { CONTACT: "contact", COMPANY: "company", LEAD: "lead", DEAL: "deal" };
const KEPT_ROWS = 60;

const desks = new Map(); // user id -> {root, screen, name}
const cards = new Map(); // call id + user id -> element
const calls = new Map(); // open calls by id
const rows = new Map(); // finished calls by id -> {row, call}
let skew = 0; // server clock minus ours, seconds

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return (hours ? `${hours}:` : "") + `${hours ? two(Math.floor(whole / 60) % 60) : Math.floor(whole / 60)}:${two(whole % 60)}`;
}

function addDesk(user) {
  const root = byId("desk-template").content.firstElementChild.cloneNode(true);
  const initials = user.name.split(/\s+/).map((word) => [...word][0] || "").slice(0, 2).join("").toUpperCase();
  root.style.setProperty("--hue", String((user.id * 67) % 360));
  root.querySelector(".avatar").textContent = initials;
  root.querySelector(".name").textContent = root.querySelector(".name").title = user.name;
  root.querySelector(".extension").textContent =
    (user.extension ? `ext. ${user.extension}` : "no extension") + (user.online ? "" : " · page closed");
  root.classList.toggle("away", !user.online);
  byId("desks").append(root);
  desks.set(user.id, { root, screen: root.querySelector(".screen"), name: user.name });
}

function makeCard(call, shownAt) {
  const card = byId("card-template").content.firstElementChild.cloneNode(true);
  const [arrow, word] = DIRECTIONS[call.type] || ["", "Call"];
  card.classList.toggle("outgoing", call.type === 1 || call.type === 4);
  card.querySelector(".direction").textContent = `${arrow} ${word}`;
  card.querySelector(".since").dataset.since = String(shownAt);
  const tags = card.querySelector(".tags");
  if (call.crm_entity_id) tags.append(element("span", "tag", call.created_lead ? "new lead" : KINDS[call.crm_entity_type] || "client"));
  else tags.append(element("span", "tag", "not in the CRM"));
  if (call.line_number) tags.append(element("span", "tag plain", `line ${call.line_number}`));
  const name = (!call.created_lead && call.crm_entity_name) || call.phone_number;
  card.querySelector(".client").textContent = card.querySelector(".client").title = name;
  if (name === call.phone_number) card.querySelector(".number").remove();
  else card.querySelector(".number").textContent = call.phone_number;
  return card;
}

function closeCard(key) {
  const card = cards.get(key);
  if (!card) return;
  cards.delete(key);
  const desk = card.closest(".desk");
  card.classList.add("closing");
  card.addEventListener("animationend", () => card.remove(), { once: true });
  setTimeout(() => card.remove(), 600); // a page in the background plays no animation
  if (desk) desk.classList.toggle("busy", Boolean(desk.querySelector(".card:not(.closing)")));
}

function showCall(call) {
  const open = new Map();
  for (const card of call.cards) if (card.hidden_at === null && card.visible) open.set(card.user_id, card);
  for (const userId of desks.keys()) {
    const key = `${call.call_id} ${userId}`;
    if (!open.has(userId)) { closeCard(key); continue; }
    if (cards.has(key)) continue;
    const desk = desks.get(userId);
    const card = makeCard(call, open.get(userId).shown_at);
    cards.set(key, card);
    desk.screen.prepend(card);
    desk.root.classList.add("busy");
  }
  if (call.finish) { calls.delete(call.call_id); showFinished(call); }
  else calls.set(call.call_id, call);
}

function showFinished(call) {
  const [arrow, word] = DIRECTIONS[call.type] || ["", "Call"];
  const [outcome, mood] = OUTCOMES[call.finish.status_code] || [call.finish.status_code, ""];
  const row = element("tr");
  row.append(element("td", "", new Date(call.finish.at * 1000).toLocaleTimeString()));
  const direction = element("td", "", arrow);
  direction.title = word;
  row.append(direction);
  const name = element("td", "name", call.crm_entity_name || call.phone_number);
  if (call.crm_entity_name && !call.created_lead) name.append(element("small", "", call.phone_number));
  row.append(name, element("td", "", call.line_number || "–"));
  const credited = desks.get(call.finish.user_id);
  row.append(element("td", "", credited ? credited.name : `user ${call.finish.user_id}`));
  const told = element("td", `outcome ${mood}`, outcome);
  told.append(element("small", "", call.finish.status_code));
  row.append(told, element("td", "right", duration(call.finish.duration)));
  row.append(recordCell(call, rows.get(call.call_id)));
  const earlier = rows.get(call.call_id);
  if (earlier) earlier.row.replaceWith(row);
  else byId("rows").prepend(row);
  rows.set(call.call_id, { row, call });
  for (const [id, kept] of rows) {
    if (rows.size <= KEPT_ROWS) break;
    kept.row.remove();
    rows.delete(id);
  }
}

function recordCell(call, earlier) {
  if (!call.record) return element("td", "", "–");
  if (earlier && earlier.call.record && earlier.call.record.file_id === call.record.file_id) return earlier.row.lastElementChild;
  const cell = element("td");
  const player = element("audio");
  player.controls = true;
  player.preload = "none";
  player.src = `/sandbox/api/records/${encodeURIComponent(call.record.file_id)}`;
  player.title = call.record.filename;
  cell.append(player);
  return cell;
}

function showEverything(all) {
  for (const kept of [desks, cards, calls, rows]) kept.clear();
  byId("desks").replaceChildren();
  byId("rows").replaceChildren();
  byId("title").textContent = all.title;
  document.title = `${all.title} – desktops`;
  byId("desks").classList.toggle("many", all.users.length > 12);
  all.users.forEach(addDesk);
  all.calls.sort((a, b) => (a.finish ? a.finish.at : 0) - (b.finish ? b.finish.at : 0)).forEach(showCall);
  showCounts(all.counts);
}

function showCounts(counts) {
  skew = counts.now - Date.now() / 1000;
  byId("open").textContent = String(calls.size);
  byId("shown").textContent = String(cards.size);
  byId("finished").textContent = String(counts.finished);
  byId("requests").textContent = String(counts.requests);
  byId("errors").textContent = String(counts.errors);
  byId("bucket").max = counts.burst;
  byId("bucket").value = counts.bucket;
  byId("bucket").title = `${counts.bucket} of ${counts.burst} requests, ${counts.overruns} over the limit`;
  byId("trouble").hidden = counts.faults.length === 0;
  byId("trouble").textContent = `Trouble on purpose: ${counts.faults.join(", ")}`;
  byId("empty").hidden = rows.size > 0;
  tick();
}

function tick() {
  const now = Date.now() / 1000 + skew;
  for (const since of document.querySelectorAll(".since")) since.textContent = duration(now - Number(since.dataset.since));
}

function connection(on, text) {
  byId("pulse").classList.toggle("on", on);
  byId("state").textContent = text;
}

const stream = new EventSource("/sandbox/live");
stream.addEventListener("open", () => connection(true, "live"));
stream.addEventListener("error", () => connection(false, "disconnected, trying again"));
stream.addEventListener("all", (event) => showEverything(JSON.parse(event.data)));
stream.addEventListener("calls", (event) => JSON.parse(event.data).forEach(showCall));
stream.addEventListener("beat", (event) => showCounts(JSON.parse(event.data)));
setInterval(tick, 1000);
