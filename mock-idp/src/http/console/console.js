// Adds the copy buttons. Without scripts, the user selects a value and copies it.
for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const value = document.getElementById(button.dataset.copy).textContent;
    const said = button.querySelector('[role=status]');
    try {
      await navigator.clipboard.writeText(value);
      said.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
      said.textContent = 'Selected: copy it';
    }
  });
}
