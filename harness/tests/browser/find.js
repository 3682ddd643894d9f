// Finds what a person would point at, by the name that a screen reader says.
// arguments: the element to look within (or null), the kind of thing, its name.
// Answers [the element or null, the names of that kind that there are].
const [scope, kind, wanted] = arguments;
const root = scope || document.body;
const KINDS = {
  press: 'a[href],button,summary,input[type=submit],input[type=button],[role=button],[role=switch],[role=tab],[role=menuitem]',
  field: 'input:not([type=hidden]),select,textarea',
  choice: 'input[type=radio],input[type=checkbox]',
  place: 'section,article,details,fieldset,tr,li,dialog,form,table,nav,aside,main,[role=region],[role=group],[role=dialog]',
  term: 'dt,th[scope=row],label',
};
const plain = text => (text || '').replace(/\s+/g, ' ').trim();
const text = element => element ? plain(element.textContent) : '';
const shown = element => element.checkVisibility({ visibilityProperty: true });

function names(element) {
  const found = [];
  const by = element.getAttribute('aria-labelledby');
  if (by) found.push(plain(by.split(/\s+/).map(id => text(document.getElementById(id))).join(' ')));
  found.push(plain(element.getAttribute('aria-label')));
  for (const label of element.labels || []) {
    found.push(text(label), plain(label.firstChild && label.firstChild.textContent));
  }
  if (kind === 'press' || kind === 'term') {
    found.push(text(element), plain(element.value && String(element.value)));
    for (const part of element.querySelectorAll('[aria-hidden=true]')) found.push(text(part));
    if (element.firstChild) found.push(plain(element.firstChild.textContent));
  }
  if (kind === 'place') {
    const named = element.matches('tr')
      ? element.querySelector('th,td')
      : element.querySelector(':scope > legend, :scope > summary, :scope > caption, :scope > header, h1, h2, h3, h4, strong, a');
    found.push(text(named));
    if (named) {
      for (const part of [...named.children, named.querySelector('h1,h2,h3,h4,a,strong')]) found.push(text(part));
    }
  }
  return found.filter(Boolean);
}

const candidates = [...root.querySelectorAll(KINDS[kind])].filter(shown);
const hit = candidates.find(element => names(element).includes(wanted)) || null;
return [hit, hit ? [] : [...new Set(candidates.flatMap(element => names(element).slice(0, 1)))]];
