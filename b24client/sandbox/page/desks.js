import { CallCard, openWorker } from "./callcard.js";
import { openInSlider, setUpSlider } from "./frames.js";

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

const WORKERS_AT_ONCE = 12; // on a larger portal they are opened by hand
const desks = new Map(); // user id -> {user, root, screen, name, worker, cards(), everybody()}
const cards = new Map(); // call id + user id -> CallCard
const closedByHand = new Set(); // cards their employee or the application has closed
const calls = new Map(); // open calls by id
const rows = new Map(); // finished calls by id -> {row, call}
let app = { places: [] }; // what of the application there is to open
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
  const desk = {
    user, root, screen: root.querySelector(".screen"), name: user.name, worker: null,
    cards: () => [...cards.values()].filter((card) => card.desk === desk),
    everybody: () => [...desks.values()].map((other) => other.user),
  };
  desks.set(user.id, desk);
  addPlaces(desk);
}

function addPlaces(desk) {
  const own = app.places.filter((place) => place.user_id === 0 || place.user_id === desk.user.id);
  const what = (place) => ({
    title: place ? place.title : app.name, owner: desk.name, app,
    order: { user_id: desk.user.id, placement_id: place ? place.id : 0 },
  });
  const menu = desk.root.querySelector(".apps menu");
  const entries = own.filter((place) => !["CALL_CARD", "PAGE_BACKGROUND_WORKER"].includes(place.placement));
  for (const place of app.main ? [null, ...entries] : entries) {
    const button = element("button", "", place ? place.title : app.name);
    button.type = "button";
    button.append(element("small", "", place ? place.placement : app.unfinished ? "to be installed" : "application"));
    button.addEventListener("click", () => { menu.parentElement.open = false; openInSlider(what(place)); });
    menu.append(button);
  }
  menu.parentElement.hidden = !menu.childElementCount;
  const worker = own.find((place) => place.placement === "PAGE_BACKGROUND_WORKER");
  if (worker && desk.user.online) addWorker(desk, worker);
}

function addWorker(desk, place) {
  const chip = desk.root.querySelector(".chip");
  const holder = desk.root.querySelector(".worker");
  chip.hidden = false;
  chip.title = `${place.title}: the background worker's frame`;
  chip.addEventListener("click", () => {
    if (!desk.worker) openWorker(place, desk, holder, app);
    const shown = holder.classList.toggle("shown");
    chip.setAttribute("aria-expanded", String(shown));
  });
  if (desks.size <= WORKERS_AT_ONCE) openWorker(place, desk, holder, app);
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

function removeCard(key) {
  const card = cards.get(key);
  if (!card) return;
  cards.delete(key);
  const root = card.root;
  root.classList.add("closing");
  root.addEventListener("animationend", () => root.remove(), { once: true });
  setTimeout(() => root.remove(), 600); // a page in the background plays no animation
  card.desk.root.classList.toggle("busy", Boolean(card.desk.root.querySelector(".card:not(.closing)")));
  if (!card.desk.root.querySelector(".card:not(.closing) .pane:not([hidden])")) card.desk.root.classList.remove("wide");
}

function showCall(call) {
  const open = new Map();
  for (const card of call.cards) if (card.hidden_at === null && card.visible) open.set(card.user_id, card);
  for (const userId of desks.keys()) {
    const key = `${call.call_id} ${userId}`;
    const known = cards.get(key);
    if (known) known.update(call);
    if (!open.has(userId)) { if (known && !known.over) known.end(); continue; }
    if (known || closedByHand.has(key)) continue;
    const desk = desks.get(userId);
    const root = makeCard(call, open.get(userId).shown_at);
    desk.screen.prepend(root);
    desk.root.classList.add("busy");
    const card = new CallCard(call, root, desk, app, () => { closedByHand.add(key); removeCard(key); });
    cards.set(key, card);
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
  for (const desk of desks.values()) if (desk.worker) desk.worker.close();
  for (const card of cards.values()) if (card.tab) card.tab.close();
  for (const kept of [desks, cards, calls, rows]) kept.clear();
  app = all.app;
  byId("desks").replaceChildren();
  byId("rows").replaceChildren();
  byId("title").textContent = all.title;
  document.title = `${all.title} – desktops`;
  byId("desks").classList.toggle("many", all.users.length > 12);
  all.users.forEach(addDesk);
  showInstallation(all.users);
  all.calls.sort((a, b) => (a.finish ? a.finish.at : 0) - (b.finish ? b.finish.at : 0)).forEach(showCall);
  showCounts(all.counts);
}

function showInstallation(users) {
  const admin = users.find((user) => user.admin) || users[0];
  byId("unfinished").hidden = !app.unfinished || !app.main || !admin;
  byId("install").onclick = () => openInSlider({ title: app.name, owner: admin.name, app, order: { user_id: admin.id } });
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
  for (const card of cards.values()) card.drawTimer();
}

function connection(on, text) {
  byId("pulse").classList.toggle("on", on);
  byId("state").textContent = text;
}

setUpSlider();
const stream = new EventSource("/sandbox/live");
stream.addEventListener("open", () => connection(true, "live"));
stream.addEventListener("error", () => connection(false, "disconnected, trying again"));
stream.addEventListener("all", (event) => showEverything(JSON.parse(event.data)));
stream.addEventListener("calls", (event) => JSON.parse(event.data).forEach(showCall));
stream.addEventListener("beat", (event) => showCounts(JSON.parse(event.data)));
setInterval(tick, 1000);
