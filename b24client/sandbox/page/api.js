"use strict";

// BX24 for the application's pages in the sandbox's frames; on a live portal it comes from //api.bitrix24.com/api/v1/.
// The page around the frame is asked by messages; which page that is stands in the frame's name.
window.BX24 = (() => {
  const [domain = "", protocol = "0", sid = ""] = window.name.split("|");
  const origin = `${protocol === "1" ? "https" : "http"}://${domain}`;
  const waiting = new Map(); // message id -> callback
  const bound = new Map(); // event -> callbacks
  const onInit = [];
  const onInstall = [];
  let begun = false;
  let init = null;
  let lastId = 0;

  function ask(command, params, callback) {
    const id = ++lastId;
    if (callback) waiting.set(id, callback);
    window.parent.postMessage({ b24: "call", sid, id, command, params }, origin);
  }

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.origin !== origin || !event.data || event.data.sid !== sid) return;
    if (event.data.b24 === "reply") {
      const callback = waiting.get(event.data.id);
      waiting.delete(event.data.id);
      if (callback) callback(event.data.result);
    } else if (event.data.b24 === "event") {
      for (const callback of bound.get(event.data.name) || []) callback(...event.data.args);
    }
  });

  function begin() {
    if (begun) return;
    begun = true;
    ask("getInitData", {}, (data) => {
      init = data;
      if (init.INSTALL) onInstall.splice(0).forEach((callback) => callback());
      onInit.splice(0).forEach((callback) => callback());
    });
  }

  function fields(params, prefix, into) {
    for (const [key, value] of Object.entries(params || {})) {
      const name = prefix ? `${prefix}[${key}]` : key;
      if (value === null || value === undefined) continue;
      else if (typeof value === "object") fields(value, name, into);
      else into.append(name, typeof value === "boolean" ? String(Number(value)) : String(value));
    }
    return into;
  }

  class Failure {
    constructor(status, body) { this.status = status; this.ex = body; }
    getError() { return this.ex; }
    getStatus() { return this.status; }
    toString() { return `${this.ex.error}${this.ex.error_description ? `: ${this.ex.error_description}` : ""} (${this.status})`; }
  }

  class Result {
    constructor(answer, status, question) { this.answer = answer; this.status = status; this.question = question; }
    data() { return this.answer.result; }
    error() { return "error" in this.answer ? new Failure(this.status, this.answer) : false; }
    error_description() { return this.answer.error_description; }
    time() { return this.answer.time; }
    total() { return Number(this.answer.total || 0); }
    more() { return this.answer.next !== undefined && this.answer.next !== null; }
    next(callback) {
      if (!this.more()) return false;
      const { method, params, callback: first } = this.question;
      callMethod(method, { ...params, start: this.answer.next }, callback || first);
      return true;
    }
  }

  async function send(method, params) {
    const body = fields({ ...params, auth: init.AUTH_ID }, "", new URLSearchParams());
    const answer = await fetch(`${origin}/rest/${method}.json`, { method: "POST", body });
    return [await answer.json(), answer.status];
  }

  function callMethod(method, params, callback) {
    const question = { method, params: params || {}, callback };
    const told = (answer, status) => callback && callback(new Result(answer, status, question));
    send(method, question.params).then(([answer, status]) => {
      if (answer.error !== "expired_token") return told(answer, status);
      return refreshAuth(() => send(method, question.params).then(([again, code]) => told(again, code), lost));
    }, lost);
    function lost() { told({ error: "NETWORK_ERROR", error_description: "no answer from the portal" }, 0); }
  }

  function callBatch(calls, callback, halt) {
    const asList = Array.isArray(calls);
    const commands = Object.entries(calls).map(([key, call]) => {
      const [method, params] = Array.isArray(call) ? call : [call.method, call.params];
      return [key, method, params || {}];
    });
    const cmd = Object.fromEntries(commands.map(([key, method, params]) => [key, `${method}?${fields(params, "", new URLSearchParams())}`]));
    callMethod("batch", { halt: halt ? 1 : 0, cmd }, (whole) => {
      const results = asList ? [] : {};
      const inside = whole.error() ? {} : whole.data();
      for (const [key, method, params] of commands) {
        const failed = whole.error() ? whole.answer : (inside.result_error || {})[key];
        const answer = failed ? { error: failed.error, error_description: failed.error_description } : { result: (inside.result || {})[key] };
        if (!failed && answer.result === undefined) continue; // not carried out after an error
        for (const count of ["total", "next"]) {
          const told = (inside[`result_${count}`] || {})[key];
          if (told !== undefined) answer[count] = told;
        }
        results[key] = new Result(answer, failed ? 400 : 200, { method, params, callback });
      }
      if (callback) callback(results);
    });
  }

  function getAuth() {
    if (!init) return false;
    return {
      access_token: init.AUTH_ID, refresh_token: init.REFRESH_ID, expires_in: Number(init.AUTH_EXPIRES),
      domain: init.DOMAIN, member_id: init.MEMBER_ID,
    };
  }

  function refreshAuth(callback) {
    ask("refreshAuth", {}, (tokens) => {
      Object.assign(init, tokens);
      if (callback) callback(getAuth());
    });
  }

  function ready(callback) {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => callback(), { once: true });
    else callback();
  }

  const size = () => ({ scrollWidth: document.documentElement.scrollWidth, scrollHeight: document.documentElement.scrollHeight });

  return {
    init(callback) { if (init) callback(); else { if (callback) onInit.push(callback); begin(); } },
    install(callback) { if (init && init.INSTALL) callback(); else { onInstall.push(callback); begin(); } },
    installFinish() { ask("installFinish", {}); },
    ready, getAuth, refreshAuth, callMethod, callBatch,
    callBind(event, handler, authType, callback) { callMethod("event.bind", { event, handler, auth_type: authType }, callback); },
    callUnbind(event, handler, authType, callback) { callMethod("event.unbind", { event, handler, auth_type: authType }, callback); },
    isAdmin: () => Boolean(init && init.IS_ADMIN),
    getLang: () => (init ? init.LANG : ""),
    getDomain: () => domain,
    getScrollSize: size,
    resizeWindow(width, height, callback) { ask("resizeWindow", { width, height }, callback); },
    fitWindow(callback) { ask("resizeWindow", { width: "100%", height: size().scrollHeight }, callback); },
    setTitle(title, callback) { ask("setTitle", { title: String(title) }, callback); },
    closeApplication(callback) { ask("closeApplication", {}, callback); },
    openApplication(params, callback) { ask("openApplication", { params }, callback); },
    openPath(path, callback) { ask("openPath", { path: String(path) }, callback); },
    proxy: (method, owner) => method.bind(owner),
    placement: {
      info: () => ({ placement: init ? init.PLACEMENT : "", options: init ? init.PLACEMENT_OPTIONS : {} }),
      getInterface(callback) { ask("getInterface", {}, callback); },
      call(command, params, callback) {
        const [given, told] = typeof params === "function" ? [{}, params] : [params, callback];
        ask("placementCall", { command, params: given || {} }, told);
      },
      bindEvent(event, callback) {
        bound.set(event, [...(bound.get(event) || []), callback]);
        ask("bindEvent", { event });
      },
    },
  };
})();
