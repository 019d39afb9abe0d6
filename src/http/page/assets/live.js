// Keeps a page current without a reload: fetches it again when something happened, at most once a second, and changes
// only the elements marked data-live. Focus, typed text, open details and the scroll position stay.
const PAUSE_MS = 1000;
const AT_LEAST_EVERY_MS = 10000;
const KINDS = ['rows', 'run', 'job', 'stream', 'health', 'missed'];

let isWaiting = false;
let isBusy = false;
let last = Date.now();

function parts(root) {
  return root.querySelectorAll('[data-live][id]');
}

function keep(element) {
  // Scripts fill these; whoever fills them looks for new data when told.
  return element.nodeType === Node.ELEMENT_NODE && element.hasAttribute('data-keep');
}

function isTyped(element) {
  const isField = element.matches('input, textarea, select');
  if (!isField) return false;
  if (element === document.activeElement) return true;
  return element.matches('select') ? false : element.value !== element.defaultValue;
}

function sameAttributes(own, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (own.getAttribute(name) !== value && !(own.matches('details') && name === 'open')) {
      own.setAttribute(name, value);
    }
  }
  for (const { name } of [...own.attributes]) {
    const isOwn = name === 'style' || (name === 'open' && own.matches('details, dialog'));
    if (!fresh.hasAttribute(name) && !isOwn) own.removeAttribute(name);
  }
}

function morph(own, fresh) {
  if (own.nodeType !== fresh.nodeType || own.nodeName !== fresh.nodeName || own.id !== fresh.id) {
    own.replaceWith(document.importNode(fresh, true));
    return;
  }
  if (own.nodeType !== Node.ELEMENT_NODE) {
    if (own.nodeValue !== fresh.nodeValue) own.nodeValue = fresh.nodeValue;
    return;
  }
  if (isTyped(own)) return;
  sameAttributes(own, fresh);
  if (keep(own)) return;
  const [before, after] = [[...own.childNodes], [...fresh.childNodes]];
  after.forEach((child, at) => {
    if (at < before.length) morph(before[at], child);
    else own.append(document.importNode(child, true));
  });
  before.slice(after.length).forEach((child) => child.remove());
}

async function refresh() {
  isWaiting = false;
  if (document.hidden || isBusy) return;
  isBusy = true;
  last = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store' });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const part of parts(document)) {
      const other = fresh.getElementById(part.id);
      if (other) morph(part, other);
    }
    document.title = fresh.title;
    document.dispatchEvent(new CustomEvent('dccd:live'));
  } catch {
    // The daemon is away: what is shown stays, and the line below says since when.
  } finally {
    isBusy = false;
  }
}

function soon() {
  if (isWaiting) return;
  isWaiting = true;
  setTimeout(refresh, Math.max(0, last + PAUSE_MS - Date.now()));
}

if (parts(document).length > 0) {
  const events = new EventSource('/api/v1/events');
  for (const kind of KINDS) events.addEventListener(kind, soon);
  setInterval(() => {
    if (Date.now() - last >= AT_LEAST_EVERY_MS) soon();
  }, PAUSE_MS);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) soon();
  });
  addEventListener('pagehide', () => events.close());
}
