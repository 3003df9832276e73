// The application's frames: the documented form is posted into them, and what they ask for is answered.

const frames = new Set();
const LOAD_PATIENCE = 30; // seconds a frame is waited for before its slowness is reported anyway

export async function post(path, body) {
  const answer = await fetch(path, { method: "POST", body: JSON.stringify(body || {}) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

export class Frame {
  // `place` answers placement commands: {events, commands, call(frame, command, params) -> result or undefined}.
  constructor(order, holder, { place = null, shell = {} } = {}) {
    this.order = order;
    this.holder = holder;
    this.place = place;
    this.shell = shell;
    this.bound = new Set();
    this.element = document.createElement("iframe");
    this.element.className = "frame";
  }

  async open() {
    const opened = await post("/sandbox/api/frames", this.order);
    this.sid = opened.sid;
    this.init = opened.init;
    this.element.name = `${location.host}|${location.protocol === "https:" ? 1 : 0}|${opened.sid}`;
    this.element.title = opened.init.PLACEMENT;
    this.holder.append(this.element);
    frames.add(this);
    this.began = performance.now();
    this.late = setTimeout(() => this.loaded(), LOAD_PATIENCE * 1000);
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: opened.action, target: this.element.name, hidden: true });
    for (const [name, value] of Object.entries(opened.fields)) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name, value });
      form.append(input);
    }
    document.body.append(form);
    form.submit();
    form.remove();
    return this;
  }

  loaded() {
    if (this.late === null) return;
    clearTimeout(this.late);
    this.late = null;
    post(`/sandbox/api/frames/${this.sid}/loaded`, { seconds: (performance.now() - this.began) / 1000 }).catch(() => {});
  }

  close() {
    clearTimeout(this.late);
    this.late = null;
    frames.delete(this);
    this.element.remove();
  }

  // Tokens may be in it, so it goes to nobody but the page that has asked.
  tell(message) {
    if (this.origin && this.element.contentWindow) this.element.contentWindow.postMessage({ ...message, sid: this.sid }, this.origin);
  }

  raise(name, ...args) {
    if (this.bound.has(name)) this.tell({ b24: "event", name, args });
  }

  async answer(command, params, reply) {
    switch (command) {
      case "getInitData": this.loaded(); return reply(this.init);
      case "refreshAuth": return reply(Object.assign(this.init, await post(`/sandbox/api/frames/${this.sid}/auth`)));
      case "installFinish":
        await post(`/sandbox/api/frames/${this.sid}/install_finish`);
        if (this.shell.again) this.shell.again();
        return reply(true);
      case "resizeWindow":
        this.element.style.height = `${Math.min(2000, Math.max(40, Number(params.height) || 0))}px`;
        return reply({});
      case "setTitle": if (this.shell.title) this.shell.title(params.title); return reply({});
      case "closeApplication": if (this.shell.close) this.shell.close(); return reply({});
      case "openPath": if (this.shell.path) this.shell.path(params.path, reply); return undefined;
      case "openApplication": if (this.shell.application) this.shell.application(params.params, reply); return undefined;
      case "getInterface":
        return reply({ command: this.place ? this.place.commands : [], event: this.place ? this.place.events : [] });
      case "bindEvent":
        this.bound.add(params.event);
        if (this.place && this.place.bound) this.place.bound(this, params.event);
        return undefined;
      case "placementCall": {
        // A command the place does not know is never answered, as on a live portal.
        const result = this.place ? this.place.call(this, params.command, params.params) : undefined;
        if (result !== undefined) reply(result);
      }
    }
    return undefined;
  }
}

window.addEventListener("message", (event) => {
  for (const frame of frames) {
    const message = event.data;
    if (event.source !== frame.element.contentWindow || !message || message.b24 !== "call" || message.sid !== frame.sid) continue;
    frame.origin = event.origin === "null" ? "*" : event.origin;
    const reply = (result) => frame.tell({ b24: "reply", id: message.id, result });
    frame.answer(message.command, message.params || {}, reply).catch((error) => console.error(error));
  }
});

// The slider a frame opens in: one at a time, over the right side of the page.

const slider = { root: null, frame: null, closed: null };

function sliderPart(name) { return document.getElementById(`slider-${name}`); }

export function closeSlider() {
  if (slider.frame) slider.frame.close();
  slider.frame = null;
  sliderPart("body").replaceChildren();
  document.getElementById("slider").hidden = true;
  const told = slider.closed;
  slider.closed = null;
  if (told) told();
}

function showSlider(title, owner, closed) {
  closeSlider();
  slider.closed = closed || null;
  sliderPart("title").textContent = title;
  sliderPart("owner").textContent = owner;
  document.getElementById("slider").hidden = false;
}

// Open the application's page or one of its places for an employee: `what` is {title, order, owner, app}.
export async function openInSlider(what, closed) {
  showSlider(what.title, what.owner, closed);
  const shell = {
    title: (title) => { sliderPart("title").textContent = title; },
    close: closeSlider,
    again: () => openInSlider(what),
    path: (path, reply) => openPath(what, path, reply),
    application: (params, reply) => openInSlider(application(what, params), () => reply({ result: "close" })),
  };
  slider.frame = new Frame(what.order, sliderPart("body"), { shell });
  try {
    await slider.frame.open();
  } catch (error) {
    sliderPart("body").textContent = String(error.message || error);
  }
}

function application(what, params) {
  const given = Object.fromEntries(Object.entries(params || {}).map(([key, value]) => [key, String(value)]));
  const own = what.app.places.find((place) => place.placement === "REST_APP_URI");
  return { ...what, order: { ...what.order, placement_id: own ? own.id : 0, params: given } };
}

export function openPath(what, path, reply) {
  if (!/^\/(crm|company|workgroups|marketplace|report)\//.test(path)) {
    return reply({ result: "error", errorCode: "PATH_NOT_AVAILABLE" });
  }
  const address = new URL(path, location.origin);
  if (address.pathname === `/marketplace/view/${what.app.client_id}/`) {
    const params = {};
    for (const [name, value] of address.searchParams) {
      const key = /^params\[([^\]]*)\]$/.exec(name);
      if (key) params[key[1]] = value;
    }
    return openInSlider(application(what, params), () => reply({ result: "close" }));
  }
  showSlider(path, what.owner, () => reply({ result: "close" }));
  const note = document.createElement("p");
  note.className = "empty";
  note.textContent = `The portal's page ${path} would open here.`;
  sliderPart("body").append(note);
  return undefined;
}

export function setUpSlider() {
  sliderPart("close").addEventListener("click", closeSlider);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !document.getElementById("slider").hidden) closeSlider(); });
}
