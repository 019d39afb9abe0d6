// Keeps a page current without a reload: fetches it again when something happened, at most once a second, and changes
// only the elements marked data-live. Focus, typed text, open details and the scroll position stay.
const PAUSE_MS = 1000;
const AT_LEAST_EVERY_MS = 10000;
const ANSWER_MS = 10000;
const KINDS = ['rows', 'run', 'job', 'stream', 'health', 'missed'];

let isWaiting = false;
let isBusy = false;
let asked = Date.now();
let answered = Date.now();
let notice = null;
let events = null;
let clock = null;

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
  // A button never becomes that of another action under the pointer: its form is another one.
  if (own.getAttribute('action') !== fresh.getAttribute('action')) {
    own.replaceWith(document.importNode(fresh, true));
    return;
  }
  sameAttributes(own, fresh);
  if (keep(own)) return;
  const [before, after] = [[...own.childNodes], [...fresh.childNodes]];
  after.forEach((child, at) => {
    if (at < before.length) morph(before[at], child);
    else own.append(document.importNode(child, true));
  });
  before.slice(after.length).forEach((child) => child.remove());
}

// What is shown may be long over: it says so until the daemon answers again.
function isAway(away) {
  if (away && !notice) {
    notice = document.createElement('p');
    notice.className = 'refusal';
    notice.setAttribute('role', 'alert');
    const since = new Date(answered).toLocaleTimeString();
    notice.textContent = `The daemon has not answered since ${since}. What is shown is of then; it is asked again.`;
    document.querySelector('main').prepend(notice);
  } else if (!away && notice) {
    notice.remove();
    notice = null;
  }
}

async function refresh() {
  isWaiting = false;
  if (document.hidden || isBusy) return;
  isBusy = true;
  asked = Date.now();
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store', signal });
    isAway(false);
    answered = asked;
    // The answer to a form: it is read once, and its address shows nothing else.
    if (answer.status === 405) return stop();
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const part of parts(document)) {
      const other = fresh.getElementById(part.id);
      if (other) morph(part, other);
    }
    document.title = fresh.title;
    document.dispatchEvent(new CustomEvent('dccd:live'));
  } catch {
    isAway(true);
  } finally {
    isBusy = false;
  }
}

function soon() {
  if (isWaiting) return;
  isWaiting = true;
  setTimeout(refresh, Math.max(0, asked + PAUSE_MS - Date.now()));
}

function stop() {
  events?.close();
  clearInterval(clock);
}

if (parts(document).length > 0) {
  events = new EventSource('/api/v1/events');
  // An error too: whether the daemon is away shows at once.
  for (const kind of [...KINDS, 'error']) events.addEventListener(kind, soon);
  clock = setInterval(() => {
    if (Date.now() - asked >= AT_LEAST_EVERY_MS || notice) soon();
  }, PAUSE_MS);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) soon();
  });
  addEventListener('pagehide', stop);
}
