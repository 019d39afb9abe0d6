// Says of the part of a coverage map under the pointer what the tooltip of the browser would say late.
const out = document.querySelector('#coverage-part');

function say(event) {
  const part = event.target.closest?.('.map [data-part]');
  if (part && out) out.textContent = part.dataset.part;
}

document.addEventListener('pointerover', say);
document.addEventListener('focusin', say);
