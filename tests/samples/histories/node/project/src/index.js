// The program's entry.
const home = require('./pages/home');
const basket = require('./pages/basket');

const pages = { '/': home, '/basket': basket };
module.exports = path => (pages[path] || home)();
