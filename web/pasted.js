/* Lines that were pasted: kept here, never in an address, where they would stay in the history. */
let text = '';
export const setPasted = t => {
  text = t;
};
export const pasted = () => text;
