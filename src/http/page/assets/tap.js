// The tap: rows of live series as they are accepted, the newest first. It listens only while it is asked to.
const MOST_LINES = 200;
const [form, field, button, list] = ['tap-form', 'tap-series', 'tap-switch', 'tap'].map((id) => document.getElementById(id));
let events = null;
let waiting = [];

function text(series, { ts, ts_recv: _, ...columns }) {
  const values = Object.entries(columns).filter(([, value]) => value !== null);
  return [new Date(ts).toLocaleTimeString(), series, ...values.map(([name, value]) => `${name} ${value}`)].join('  ');
}

// However many rows come, they are drawn once a frame, and only as many as are shown.
function take(event) {
  const [head, ...rows] = event.data.split('\n').map((line) => JSON.parse(line));
  if (waiting.length === 0) requestAnimationFrame(draw);
  waiting = waiting.concat(rows.slice(-MOST_LINES).map((row) => text(head.series, row))).slice(-MOST_LINES);
}

function draw() {
  for (const line of waiting) {
    const entry = document.createElement('div');
    entry.textContent = line;
    list.prepend(entry);
  }
  waiting = [];
  while (list.children.length > MOST_LINES) list.lastChild.remove();
}

function stop() {
  events?.close();
  events = null;
  button.textContent = 'Listen';
}

function listen() {
  events = new EventSource(`/api/v1/events?kind=accepted&series=${encodeURIComponent(field.value.trim() || '**')}`);
  events.addEventListener('accepted', take);
  events.addEventListener('error', () => {
    // Refused, rather than interrupted: then it is tried again by itself.
    if (events?.readyState !== EventSource.CLOSED) return;
    list.textContent = 'No live series is of that name.';
    stop();
  });
  list.textContent = '';
  list.hidden = false;
  button.textContent = 'Stop';
}

if (form) {
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (events) stop();
    else listen();
  });
  addEventListener('pagehide', stop);
}
