// Any character.
module.exports = (text, n, c) => text.padStart(n, c);
