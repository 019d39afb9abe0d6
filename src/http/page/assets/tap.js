// The tap: rows as they are accepted, from the events, the newest first. It listens only while it is asked to.
const MOST_LINES = 200;
const [button, list] = ['tap-switch', 'tap'].map((id) => document.getElementById(id));
let events = null;

function line(event) {
  const { at, series } = JSON.parse(event.data);
  for (const [name, rows] of Object.entries(series)) {
    const entry = document.createElement('div');
    entry.textContent = `${new Date(at).toLocaleTimeString()}  ${name}  ${rows} ${rows === 1 ? 'row' : 'rows'}`;
    list.prepend(entry);
  }
  while (list.children.length > MOST_LINES) list.lastChild.remove();
}

function turn() {
  if (events) {
    events.close();
    events = null;
  } else {
    events = new EventSource('/api/v1/events?kind=rows');
    events.addEventListener('rows', line);
    list.hidden = false;
  }
  button.textContent = events ? 'Stop' : 'Listen';
}

if (button) {
  button.hidden = false;
  button.addEventListener('click', turn);
  addEventListener('pagehide', () => events?.close());
}
