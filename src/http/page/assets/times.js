// Shows instants in the viewer's zone; UTC stays as the tooltip.
const SHOWN = new Intl.DateTimeFormat(undefined, {
  year: 'numeric', month: '2-digit', day: '2-digit',
  hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
});

function show() {
  for (const time of document.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    const [local, utc] = [SHOWN.format(at), time.title.split(' \u00b7 ').pop()];
    if (time.classList.contains('ago')) time.title = `${local} \u00b7 ${utc}`;
    else if (time.textContent !== local) time.textContent = local;
  }
}

show();
document.addEventListener('dccd:live', show);
