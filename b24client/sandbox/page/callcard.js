// A call card as the application sees it: the background worker's commands and events, and those of a tab in the card.
import { Frame, openPath } from "./frames.js";

const BUTTONS = {
  incoming: ["answer", "skip"], transferIncoming: ["answer", "skip"], outgoing: ["makeCall"],
  connectingIncoming: ["hangup"], connectingOutgoing: ["hangup"],
  connected: ["hangup", "hold", "mute", "transfer", "dialpad", "qualityMeter"],
  transferring: ["completeTransfer", "cancelTransfer"], transferFailed: ["cancelTransfer"], transferConnected: ["hangup"],
  error: ["close"], moneyError: ["notifyAdmin", "close"], redial: ["makeCall"],
};
const LABELS = {
  answer: ["Answer", "good"], skip: ["Skip", ""], makeCall: ["Call", "good"], hangup: ["Hang up", "bad"], hold: ["Hold", ""],
  mute: ["Mute", ""], transfer: ["Transfer", ""], dialpad: ["Keys", ""], qualityMeter: ["Quality", ""],
  completeTransfer: ["Complete", "good"], cancelTransfer: ["Cancel", ""], close: ["Close", ""], notifyAdmin: ["Notify", ""],
  next: ["Next", ""],
};
const TALKING = ["connected", "transferring", "transferFailed", "transferConnected"];
const CALLING = ["incoming", "transferIncoming", "connectingIncoming", "connectingOutgoing"];
const TIMER_STAYS = ["connected", "transferring", "transferFailed", "transferConnected"];
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const STAY_SECONDS = 65;
const WORKER_EVENTS = [
  "initialized", "addCommentButtonClick", "muteButtonClick", "holdButtonClick", "closeButtonClick", "transferButtonClick",
  "cancelTransferButtonClick", "completeTransferButtonClick", "hangupButtonClick", "nextButtonClick", "skipButtonClick",
  "answerButtonClick", "entityChanged", "makeCallButtonClick", "qualityMeterClick", "dialpadButtonClick",
  "notifyAdminButtonClick",
].map((name) => `BackgroundCallCard::${name}`);
const WORKER_COMMANDS = [
  "CallCardSetMute", "CallCardSetHold", "CallCardSetUiState", "CallCardGetListUiStates", "CallCardSetCardTitle",
  "CallCardSetStatusText", "CallCardStartTimer", "CallCardStopTimer", "CallCardClose",
];
const TAB_EVENTS = ["CallCard::EntityChanged", "CallCard::BeforeClose", "CallCard::CallStateChanged"];
const TAB_COMMANDS = ["getStatus", "disableAutoClose", "enableAutoClose"];

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const failed = (errorCode) => ({ result: "error", errorCode });

// `desk` is {user, worker, cards}; `closed(card)` is told when the card leaves the screen for good.
export class CallCard {
  constructor(call, root, desk, app, closed) {
    Object.assign(this, { call, root, desk, app, closed });
    this.muted = this.held = false;
    this.uiState = call.type === 2 || call.type === 3 ? "incoming" : "connectingOutgoing";
    this.timer = null; // milliseconds since the epoch it runs from
    this.stays = null;
    this.over = false;
    this.announced = new Set();
    this.tab = null;
    this.controls = root.querySelector(".controls");
    this.drawTabs();
    this.draw();
    this.announce();
  }

  get controlled() { return Boolean(this.desk.worker && this.call.app === this.app.client_id); }

  get callState() {
    if (this.over) return "idle";
    if (this.controlled) return TALKING.includes(this.uiState) ? "connected" : CALLING.includes(this.uiState) ? "connecting" : "idle";
    return this.call.status.CALL_STATE;
  }

  get failure() { return this.call.finish && this.call.finish.status_code !== "200" ? this.call.finish.status_code : ""; }

  status() { return { ...this.call.status, CALL_STATE: this.callState }; }

  // A worker hears of the card once, and of nothing before that.
  announce() {
    const worker = this.desk.worker;
    const name = "BackgroundCallCard::initialized";
    if (!this.controlled || this.announced.has(worker) || !worker.bound.has(name)) return;
    this.announced.add(worker);
    worker.raise(name, this.status());
  }

  click(name, ...args) {
    if (this.controlled && this.announced.has(this.desk.worker)) this.desk.worker.raise(`BackgroundCallCard::${name}`, ...args);
  }

  update(call) {
    const before = this.call.status;
    const state = this.callState;
    this.call = call;
    if (before.CRM_ENTITY_ID !== call.status.CRM_ENTITY_ID || before.CRM_ENTITY_TYPE !== call.status.CRM_ENTITY_TYPE) {
      const entity = {
        PHONE_NUMBER: call.status.PHONE_NUMBER || "unknown",
        CRM_ENTITY_TYPE: call.status.CRM_ENTITY_TYPE, CRM_ENTITY_ID: call.status.CRM_ENTITY_ID,
      };
      this.click("entityChanged", entity);
      if (this.tab) this.tab.raise("CallCard::EntityChanged", entity);
    }
    this.stateMayHaveChanged(state, this.failure);
  }

  stateMayHaveChanged(before, failedCode) {
    const now = this.callState;
    if (now === before || !this.tab) return;
    if (failedCode && now === "idle") this.tab.raise("CallCard::CallStateChanged", now, { failedCode });
    else this.tab.raise("CallCard::CallStateChanged", now);
  }

  setUiState(state, keepTimer) {
    const before = this.callState;
    this.uiState = state;
    if (!TIMER_STAYS.includes(state)) this.timer = null;
    else if (state === "connected" && this.timer === null && !keepTimer) this.timer = Date.now();
    this.draw();
    this.stateMayHaveChanged(before, state === "error" ? "500" : "");
  }

  // The portal takes the card away: at once, or later when the application in its tab has asked for that.
  end() {
    const before = this.callState;
    this.over = true;
    this.stateMayHaveChanged(before, this.failure);
    if (this.blocked) this.stay();
    else this.close();
  }

  stay() {
    clearTimeout(this.stays);
    if (this.over) {
      this.root.classList.add("over");
      this.stays = setTimeout(() => this.close(), STAY_SECONDS * 1000);
    }
  }

  close() {
    clearTimeout(this.stays);
    if (this.tab) { this.tab.raise("CallCard::BeforeClose"); this.tab.close(); this.tab = null; }
    this.closed(this);
  }

  drawTabs() {
    const places = this.app.places.filter((place) => place.placement === "CALL_CARD");
    const tabs = this.root.querySelector(".tabs");
    tabs.hidden = places.length === 0;
    const buttons = [null, ...places].map((place) => {
      const button = element("button", "tab", place ? place.title : "Call");
      button.type = "button";
      button.addEventListener("click", () => {
        buttons.forEach((other) => other.classList.toggle("chosen", other === button));
        this.openTab(place);
      });
      return button;
    });
    buttons[0].classList.add("chosen");
    tabs.replaceChildren(...buttons);
  }

  async openTab(place) {
    const pane = this.root.querySelector(".pane");
    if (this.tab) { this.tab.close(); this.tab = null; }
    pane.hidden = place === null;
    this.desk.root.classList.toggle("wide", Boolean(this.desk.root.querySelector(".pane:not([hidden])")));
    if (place === null) return;
    const order = { user_id: this.desk.user.id, placement_id: place.id, call_id: this.call.call_id, state: this.callState };
    const what = { order, owner: this.desk.user.name, app: this.app };
    const shell = { path: (path, reply) => openPath(what, path, reply) };
    const tab = new Frame(order, pane, { shell, place: { commands: TAB_COMMANDS, events: TAB_EVENTS, call: (_, name) => this.tabCall(name) } });
    this.tab = tab;
    await tab.open().catch((error) => { pane.textContent = String(error.message || error); });
  }

  tabCall(name) {
    if (name === "getStatus") return { ...this.status(), PHONE_NUMBER: this.call.status.PHONE_NUMBER || "hidden" };
    if (name === "disableAutoClose") { this.blocked = true; this.stay(); return []; }
    if (name === "enableAutoClose") { this.blocked = false; if (this.over) this.close(); return []; }
    return undefined;
  }

  draw() {
    const shown = this.controlled && !this.over;
    this.controls.hidden = !shown;
    this.root.dataset.uiState = shown ? this.uiState : "";
    this.drawTimer();
    if (!shown) return;
    const buttons = BUTTONS[this.uiState].map((name) => {
      const [text, mood] = LABELS[name];
      const button = element("button", `act ${mood}`, text);
      button.type = "button";
      button.dataset.act = name;
      if ((name === "mute" && this.muted) || (name === "hold" && this.held)) button.classList.add("on");
      button.setAttribute("aria-pressed", String(button.classList.contains("on")));
      button.addEventListener("click", () => this.pressed(name));
      return button;
    });
    const comment = element("button", "act", "Comment");
    comment.type = "button";
    comment.dataset.act = "comment";
    comment.addEventListener("click", () => this.pressed("comment"));
    this.controls.querySelector(".acts").replaceChildren(...buttons, comment);
    this.controls.querySelector(".more").replaceChildren();
  }

  drawTimer() {
    const shown = this.root.querySelector(".talk");
    const seconds = this.timer === null ? 0 : Math.floor((Date.now() - this.timer) / 1000);
    shown.textContent = this.timer === null ? "" : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  pressed(name) {
    switch (name) {
      case "mute": this.muted = !this.muted; this.draw(); return this.click("muteButtonClick", this.muted);
      case "hold": this.held = !this.held; this.draw(); return this.click("holdButtonClick", this.held);
      case "close": this.click("closeButtonClick"); return this.close();
      case "comment": return this.ask("comment", (text) => this.click("addCommentButtonClick", text));
      case "transfer": return this.ask("number, extension or user id", (text) => this.transfer(text));
      case "dialpad": return this.choose(KEYS, (key) => this.click("dialpadButtonClick", key), true);
      case "qualityMeter": return this.choose(["1", "2", "3", "4", "5"], (mark) => this.click("qualityMeterClick", mark), false);
      default: return this.click(`${name}ButtonClick`);
    }
  }

  transfer(text) {
    const user = this.desk.everybody().find((other) => text === other.extension || text === String(other.id));
    this.click("transferButtonClick", { phoneNumber: user ? user.extension : text, target: user ? user.id : text });
  }

  ask(hint, told) {
    const form = element("form", "ask");
    const input = element("input");
    Object.assign(input, { placeholder: hint, required: true, autocomplete: "off" });
    input.setAttribute("aria-label", hint);
    const go = element("button", "act", "OK");
    form.append(input, go);
    form.addEventListener("submit", (event) => { event.preventDefault(); form.remove(); told(input.value); });
    this.controls.querySelector(".more").replaceChildren(form);
    input.focus();
  }

  choose(items, told, stays) {
    const row = element("div", items.length > 5 ? "choose keys" : "choose");
    for (const item of items) {
      const button = element("button", "act", item);
      button.type = "button";
      button.addEventListener("click", () => { if (!stays) row.remove(); told(item); });
      row.append(button);
    }
    this.controls.querySelector(".more").replaceChildren(row);
  }
}

// Open the hidden frame of PAGE_BACKGROUND_WORKER on a desk.
export async function openWorker(place, desk, holder, app) {
  const order = { user_id: desk.user.id, placement_id: place.id, uri: "/crm/deal/kanban/category/0/" };
  const what = { order, owner: desk.user.name, app };
  const commands = {
    commands: WORKER_COMMANDS,
    events: WORKER_EVENTS,
    call: (_, command, params) => workerCall(desk, command, params || {}),
    bound: () => desk.cards().forEach((card) => card.announce()),
  };
  const frame = new Frame(order, holder, { place: commands, shell: { path: (path, reply) => openPath(what, path, reply) } });
  desk.worker = frame;
  try {
    await frame.open();
  } catch (error) {
    desk.worker = null;
    holder.textContent = String(error.message || error);
  }
}

function workerCall(desk, command, params) {
  if (!WORKER_COMMANDS.includes(command)) return undefined;
  if (command === "CallCardGetListUiStates") return Object.keys(BUTTONS);
  const card = desk.cards().filter((open) => open.announced.has(desk.worker)).pop();
  if (!card) return [failed("Call card is undefined")];
  switch (command) {
    case "CallCardSetMute":
      if (typeof params.muted !== "boolean") return failed("missing field muted");
      card.muted = params.muted;
      break;
    case "CallCardSetHold":
      if (typeof params.held !== "boolean") return failed("missing field held");
      card.held = params.held;
      break;
    case "CallCardSetUiState":
      if (!Object.hasOwn(BUTTONS, params.uiState)) return [failed("Invalid ui state")];
      card.setUiState(params.uiState, Boolean(params.disableAutoStartTimer));
      return [];
    case "CallCardSetCardTitle":
      if (typeof params.title !== "string") return failed("missing field title");
      card.root.querySelector(".client").textContent = card.root.querySelector(".client").title = params.title;
      return [];
    case "CallCardSetStatusText":
      if (typeof params.statusText !== "string") return failed("missing field statusText");
      card.root.querySelector(".told").textContent = params.statusText;
      return [];
    case "CallCardStartTimer": card.timer = Date.now(); card.drawTimer(); return undefined; // a browser does not answer
    case "CallCardStopTimer": card.timer = null; card.drawTimer(); return undefined;
    case "CallCardClose": card.close(); return [];
  }
  card.draw();
  return [];
}
