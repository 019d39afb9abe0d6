// Shows instants in the viewer's zone; UTC stays as the tooltip.
const two = (number) => String(number).padStart(2, '0');

function local(at) {
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')}`;
}

function show() {
  for (const time of document.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    const fraction = time.classList.contains('exact') ? (time.dateTime.match(/\.\d+/) ?? [''])[0] : '';
    const [shown, utc] = [local(at) + fraction, time.title.split(' \u00b7 ').pop()];
    if (time.classList.contains('ago')) time.title = `${shown} \u00b7 ${utc}`;
    else if (time.textContent !== shown) time.textContent = shown;
  }
}

show();
document.addEventListener('dccd:live', show);
