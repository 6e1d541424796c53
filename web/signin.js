/* Sign in: a token, kept by this tab until it closes. */
import {setToken, token} from './api.js';
import {h, put, visible} from './dom.js';

export default function signIn(why, done) {
  const said = h('p.bad', {role: 'alert'});
  const field = h('input', {type: 'password', id: 'token', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'token-note'});
  const enter = async () => {
    const before = token();
    setToken(field.value.trim());
    put(said);
    try {
      await done();
    } catch (e) {
      setToken(before);
      put(said, e.status === 401 ? 'That token is not known.' : visible(e.message));
      field.focus();
    }
  };
  field.addEventListener('keydown', e => {
    if (e.key !== 'Enter') return;
    e.preventDefault();
    enter();
  });
  document.title = 'Sign in · logclass';
  return h(
    'div.signin',
    h('h1', {tabindex: '-1'}, 'Sign in'),
    h('p', why ? visible(why) : 'Reading needs a token with role view.'),
    h('p.bar', h('label', {for: 'token'}, 'Token'), field),
    h('p.quiet.small', {id: 'token-note'}, 'Kept until this tab closes, in this tab only.'),
    said,
    h('p.bar', h('button.first', {type: 'button', on: {click: enter}}, 'Sign in')),
  );
}
